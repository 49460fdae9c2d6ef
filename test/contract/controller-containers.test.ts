import type { PublishedHolder } from '@causeway/shared/model/container';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { beforeEach, expect, it } from 'vitest';
import { host } from '../support/controller.ts';
import { useControllers } from '../support/controllers.ts';

/** What two controllers over one etcd are asked at the same time. */

const two = useControllers();
const { stored } = two;
/** So many ask at once: at each controller the half of them. */
const MANY = 12;

beforeEach(async () => {
  for (const number of [1, 2]) {
    const { store, view } = two.at(0);
    const { revision } = await store.transaction(
      [],
      [{ put: keys.node(`host-${number}`), value: encode(host(number)) }],
    );
    await Promise.all(two.all.map((one) => one.view.reached('causeway', revision, 5_000)));
    expect(view.tables.node.size).toBe(number);
  }
});

async function ask(index: number, method: 'POST' | 'DELETE', url: string, payload?: object) {
  const reply = await two
    .at(index)
    .app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
  return { status: reply.statusCode, body: reply.json() };
}

const box = (name: string, more: object = {}) => ({ name, host: 'host-1', command: ['httpd'], ...more });
const atOnce = <T>(act: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: MANY }, (_, n) => act(n)));
const statuses = (answers: readonly { readonly status: number }[]) =>
  answers.map(({ status }) => status).sort();
const ONE_WINS = [201, ...Array.from({ length: MANY - 1 }, () => 409)];

async function holders(): Promise<readonly string[]> {
  const all = Object.entries(await stored(keys.publishedPrefix));
  return all.flatMap(([id, value]) =>
    JSON.parse(value).holders.map(({ container, host: on, address }: PublishedHolder) =>
      [id, on, address ?? '*', container].join(' '),
    ),
  );
}

it('gives a port of a host to one container', async () => {
  const answers = await atOnce((n) =>
    ask(
      n,
      'POST',
      '/v1/containers',
      box(`a-${n}`, { publish: [n % 3 === 0 ? '192.168.122.11:8080:80' : '8080:80'] }),
    ),
  );
  const winner = answers.find(({ status }) => status === 201)?.body.name;
  // At one address and at all of them is the same port.
  expect(statuses(answers)).toEqual(ONE_WINS);
  for (const { status, body } of answers)
    if (status === 409)
      expect(body.detail).toContain(`container "${winner}" publishes port 8080/tcp of host-1`);
  expect((await holders()).map((one) => one.split(' ').at(-1))).toEqual([winner]);
});

it('gives the same port of several hosts and protocols to as many, and takes back each one’s', async () => {
  const wanted = (n: number) =>
    box(`b-${n}`, {
      host: `host-${1 + (n % 2)}`,
      publish: [`${8080 + Math.floor(n / 4)}:80/${n % 4 < 2 ? 'tcp' : 'udp'}`],
    });
  expect(new Set(statuses(await atOnce((n) => ask(n, 'POST', '/v1/containers', wanted(n)))))).toEqual(
    new Set([201]),
  );
  expect(await holders()).toHaveLength(MANY);
  await atOnce((n) => ask(n + 1, 'DELETE', `/v1/containers/b-${n}`));
  expect(await holders()).toEqual([]);
});

it('gives a port to a service’s NodePort or to a container, not to both', async () => {
  const services = ['tcp/30001', 'tcp/30002', 'tcp/30003'];
  for (const [round] of services.entries()) {
    const port = 30001 + round;
    const [service, container] = await Promise.all([
      ask(round, 'POST', '/v1/services', { name: `s-${round}`, ports: [{ port: 80, nodePort: port }] }),
      ask(round + 1, 'POST', '/v1/containers', box(`c-${round}`, { publish: [`${port}:80`] })),
    ]);
    expect([service.status, container.status].sort()).toEqual([201, 409]);
    const loser = service.status === 409 ? service.body.detail : container.body.detail;
    expect(loser).toMatch(/is taken: container "c-\d" publishes port|is the NodePort of service "s-\d"/);
  }
});

it('gives a chosen address, and a name, to one container', async () => {
  const chosen = { network: { kind: 'bridge', address: '10.10.1.77' } };
  const answers = await atOnce((n) => ask(n, 'POST', '/v1/containers', box(`d-${n}`, chosen)));
  expect(statuses(answers)).toEqual(ONE_WINS);
  const winner = answers.find(({ status }) => status === 201)?.body.name;
  expect(await stored(keys.containerAddressPrefix)).toEqual({ '10.10.1.77': winner });
  const named = await atOnce((n) =>
    n % 3 === 2
      ? ask(n, 'POST', '/v1/workloads', { name: 'one', addresses: ['203.0.113.9'] })
      : ask(
          n,
          'POST',
          '/v1/containers',
          box('one', n % 3 === 0 ? { host: 'host-2' } : { command: undefined, attach: 'docker:one' }),
        ),
  );
  // What won is the same definition for whoever asks for it again.
  expect(statuses(named).filter((status) => status === 201)).toHaveLength(1);
  const found = [await stored(keys.containerPrefix), await stored(keys.workloadPrefix)].filter(
    (all) => 'one' in all,
  );
  expect(found).toHaveLength(1);
});

it('asks for a start as often as it is asked, and loses no change that another controller makes', async () => {
  await ask(0, 'POST', '/v1/containers', box('e'));
  await atOnce((n) => ask(n, 'POST', `/v1/containers/e/${n % 2 === 0 ? 'stop' : 'start'}`));
  await ask(0, 'POST', '/v1/containers/e/stop');
  const before = JSON.parse((await stored(keys.containerPrefix)).e ?? '');
  expect(before.want).toBe('stopped');
  const { body } = await ask(1, 'POST', '/v1/containers/e/start');
  expect([body.want, body.generation]).toEqual([undefined, (before.generation ?? 0) + 1]);
});
