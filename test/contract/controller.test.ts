import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { useControllers } from '../support/controllers.ts';

const two = useControllers();
const { stored } = two;

async function post(index: number, url: string, payload: object) {
  const reply = await two.at(index).app.inject({ method: 'POST', url, payload });
  return { status: reply.statusCode, body: reply.json() };
}

/** Every allocation is some service's, and every service has what its spec says. */
async function expectNothingLeaked(): Promise<void> {
  const services = await stored(keys.servicePrefix);
  const supposed: Record<string, string> = {};
  for (const [key, value] of Object.entries(services)) {
    if (!key.endsWith('/spec')) continue;
    const { name, vips, ports } = JSON.parse(value);
    expect(services).toHaveProperty([`${name}/endpoints`]);
    for (const vip of vips) supposed[`vip/${vip}`] = name;
    for (const { protocol, nodePort } of ports) {
      if (nodePort !== undefined) supposed[`node-port/${protocol}/${nodePort}`] = name;
    }
  }
  expect(await stored(keys.allocationPrefix)).toEqual(supposed);
}

describe('services made at the same time', () => {
  it('never share a VIP', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(n, '/v1/services', { name: `a-${n}`, vip: '2.2.2.2', ports: [{ port: 88 }] }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201,
      ...Array.from({ length: 19 }, () => 409),
    ]);
    const winner = answers.find(({ status }) => status === 201)?.body.name;
    for (const { status, body } of answers) {
      if (status === 409) expect(body.detail).toContain(`vip "2.2.2.2" is taken by service "${winner}"`);
    }
    await expectNothingLeaked();
  });

  it('never share a NodePort of one protocol', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        post(n, '/v1/services', {
          name: `b-${n}`,
          ports: [{ port: 88, nodePort: 30001, protocol: n < 10 ? 'tcp' : 'udp' }],
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
    await expectNothingLeaked();
  });

  it('all get a VIP and a NodePort of their own when they choose none', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        post(n, '/v1/services', { ports: [{ port: 88, nodePort: 'auto' }] }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.flatMap(({ body }) => body.vips)).size).toBe(60);
    expect(new Set(answers.map(({ body }) => body.ports[0].nodePort)).size).toBe(60);
    await expectNothingLeaked();
  });

  it('of one name become one service', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => post(n, '/v1/services', { name: 'same', ports: [{ port: 88 }] })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.flatMap(({ body }) => body.vips)).size).toBe(1);
    await expectNothingLeaked();
  });

  it('and removed at the same time leave nothing behind', async () => {
    const names = Array.from({ length: 10 }, (_, n) => `c-${n}`);
    await Promise.all(
      names.map((name, n) => post(n, '/v1/services', { name, ports: [{ port: 1, nodePort: 'auto' }] })),
    );
    await Promise.all(
      [...names, ...names].map((name, n) => {
        const url = `/v1/services/${name}`;
        const { app } = two.at(n);
        return n % 3 === 0
          ? app.inject({ method: 'PUT', url, payload: { ports: [{ port: 1, nodePort: 30000 + n }] } })
          : app.inject({ method: 'DELETE', url });
      }),
    );
    await expectNothingLeaked();
  });
});

describe('endpoints added at the same time', () => {
  it('are all there in the end', async () => {
    await post(0, '/v1/services', { name: 'e', ports: [{ port: 88 }] });
    const refs = Array.from({ length: 40 }, (_, n) => `10.10.1.${n + 2}:80`);
    const answers = await Promise.all(refs.map((to, n) => post(n, '/v1/services/e/endpoints', { to })));
    expect(answers.map(({ status }) => status)).toEqual(refs.map(() => 200));
    const last = Math.max(...answers.map(({ body }) => body.revision));
    await two.at(0).view.reached('causeway', last, 5_000);
    const reply = await two.at(0).app.inject('/v1/services/e/endpoints');
    expect(reply.json().items.map((item: { ref: string }) => item.ref)).toEqual(refs);
  });
});

describe('what one controller writes', () => {
  it('its own next answer holds, and soon the other one', async () => {
    const { body } = await post(0, '/v1/services', { name: 'w', ports: [{ port: 88 }] });
    expect((await two.at(0).app.inject('/v1/services/w')).json()).toEqual(body);
    expect(await two.at(1).view.reached('causeway', body.revision, 5_000)).toBe(true);
    expect((await two.at(1).app.inject('/v1/services/w')).json()).toEqual(body);
  });
});

describe('a container that changes', () => {
  it('changes the endpoints once, though two controllers look', async () => {
    const { store } = two.at(0);
    const spec = { name: 'web-1', host: 'host-1', command: ['httpd'], files: {} };
    const status = { name: 'web-1', host: 'host-1', state: 'running' } as const;
    const put = (key: string, value: string) => store.transaction([], [{ put: key, value }]);
    const { revision } = await put(keys.container('web-1'), encode(spec));
    await two.at(0).view.reached('causeway', revision, 5_000);
    const made = await post(0, '/v1/services', { name: 's', ports: [{ port: 80 }], endpoints: ['web-1'] });
    expect(made.body.status.unresolved).toEqual(['container "web-1" has not started on host-1 yet']);

    const seen: string[] = [];
    const done = new Promise<void>((resolve) => {
      two.at(1).view.subscribe(({ changes }) => {
        for (const change of changes) {
          if (change.kind !== 'endpoints') continue;
          const addresses = change.after?.value.endpoints.map(({ address }) => address) ?? [];
          seen.push(addresses.join());
          if (addresses.includes('10.10.1.4')) resolve();
        }
      });
    });
    for (const address of ['10.10.1.2', '10.10.1.3', '10.10.1.4']) {
      await put(keys.containerStatus('web-1'), encode({ ...status, address }));
    }
    await done;
    const key = keys.serviceEndpoints('s');
    const settled = (await store.get(key))?.modRevision;
    // Both controllers have seen everything up to here, and neither writes any more.
    const last = await put(
      keys.containerStatus('web-1'),
      encode({ ...status, address: '10.10.1.4', pid: 1 }),
    );
    await Promise.all(two.all.map(({ view }) => view.reached('causeway', last.revision, 5_000)));
    expect((await store.get(key))?.modRevision).toBe(settled);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('etcd killed and started again', () => {
  it('ends nothing: 503 in between, all there afterwards', async () => {
    await post(0, '/v1/services', { name: 'k', ports: [{ port: 88 }] });
    await two.etcd.kill();
    const away = await two.at(0).app.inject({
      method: 'POST',
      url: '/v1/services',
      payload: { ports: [{ port: 89 }] },
    });
    expect(away.statusCode).toBe(503);
    expect(away.json().code).toBe('unreachable');
    expect((await two.at(0).app.inject('/livez')).statusCode).toBe(200);
    expect((await two.at(0).app.inject('/readyz')).statusCode).toBe(503);
    await two.etcd.restart();
    await two.at(0).view.whole(20_000);
    const back = await two.at(0).app.inject('/v1/services');
    expect(back.json().items.map((item: { name: string }) => item.name)).toEqual(['k']);
    expect((await post(0, '/v1/services', { ports: [{ port: 89 }] })).status).toBe(201);
    await Promise.all(two.all.map(({ view }) => view.whole(20_000)));
  });
});
