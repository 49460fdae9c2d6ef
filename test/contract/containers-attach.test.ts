import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/network.ts';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { AttachKind, ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { Call } from './containers-driver.ts';
import {
  buildDriver,
  type ContainerWorld,
  type Driver,
  openContainerWorld,
  web,
} from './containers-world.ts';

/** Containers of others in real namespaces; the engines that know them are played, the lab has real ones. */
const NETWORK: ContainerNetwork = {
  ...{ bridge: 'cwy0', mtu: 1450 },
  subnets: { ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' },
  gateways: { ipv4: '10.10.1.1', ipv6: 'fd00:10:0:1::1' },
};
const HOST = `
  ip link add cwy0 type bridge
  ip link set cwy0 up
  ip address add 10.10.1.1/24 dev cwy0
  ip address add fd00:10:0:1::1/64 dev cwy0 nodad`;

let driver: Driver;
let world: ContainerWorld;
let docker: Docker;

beforeAll(async () => {
  driver = await buildDriver();
});
afterAll(() => driver.remove());
beforeEach(async () => {
  world = await openContainerWorld(driver, HOST);
  docker = await playDocker(`${world.dir}/docker.sock`);
});
afterEach(async () => {
  await docker.close();
  await world.close();
});

interface Docker {
  /** First processes of what it runs; 0: it has ended. */
  readonly containers: Map<string, number>;
  /** Questions that it has answered. */
  asked(): number;
  close(): Promise<void>;
}

async function playDocker(socket: string): Promise<Docker> {
  const containers = new Map<string, number>();
  let asked = 0;
  const server: Server = createServer((request, response) => {
    const name = /^\/containers\/([^/]+)\/json$/.exec(request.url ?? '')?.[1] ?? '';
    const pid = containers.get(name);
    asked += 1;
    response.statusCode = pid === undefined ? 404 : 200;
    response.end(
      JSON.stringify(
        pid === undefined ? { message: 'No such container' } : { State: { Running: pid > 0, Pid: pid } },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    containers,
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const sh = async (script: string) => (await world.net.sh(script)).stdout;
const attach = (
  name: string,
  kind: AttachKind,
  id: string | number,
  more: Partial<ContainerSpec> = {},
): ContainerSpec => ({
  ...{ name, host: 'host-1', command: [], files: {}, attach: { kind, id: `${id}` } },
  ...more,
});
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(NETWORK, ...specs);
const agent = (...calls: Call[]) => world.agent(NETWORK, ...calls);

/** A process in a namespace without any link, as an engine makes it with `--network none`. @returns its number in the world */
async function somebodys(setup = ':'): Promise<number> {
  const script = `ip link set lo up; ${setup}; echo $$; exec sleep 1000`;
  return Number(await world.net.start('unshare', ['--net', 'sh', '-c', script]));
}
const stateOf = (pid: number) =>
  sh(
    `nsenter --net=/proc/${pid}/ns/net sh -c 'ip -o address; ip route; ip -6 route; sysctl -n net.ipv6.conf.default.disable_ipv6 net.ipv6.conf.default.accept_ra'`,
  );
const pingFrom = (pid: number, address: string) =>
  sh(`nsenter --net=/proc/${pid}/ns/net ping -c 1 -W 5 ${address} | grep -o '1 received'`);
const reasonOf = async (...specs: ContainerSpec[]) => {
  const last = (await reconcile(...specs)).at(-1);
  return [last?.state, last?.reason];
};

async function both(pid: number, status: ContainerStatus | undefined): Promise<void> {
  expect(status).toMatchObject({
    state: 'running',
    address: '10.10.1.2',
    ipv6Address: 'fd00:10:0:1::2',
    pid,
  });
  for (const address of ['10.10.1.1', 'fd00:10:0:1::1'])
    expect(await pingFrom(pid, address)).toBe('1 received\n');
  expect(await sh(`ping -c 1 -W 5 10.10.1.2 | grep -o '1 received'`)).toBe('1 received\n');
}

describe('a container of others', () => {
  it.each(['docker', 'containerd', 'pid'] as const)(
    'that %s names has a network, and loses it without a trace',
    async (kind) => {
      const pid = await somebodys();
      const before = [await stateOf(pid), await world.traces()];
      docker.containers.set('web', pid);
      mkdirSync(`${world.dir}/containerd/io.containerd.runtime.v2.task/default/web`, { recursive: true });
      writeFileSync(`${world.dir}/containerd/io.containerd.runtime.v2.task/default/web/init.pid`, `${pid}`);
      const spec = attach('theirs', kind, kind === 'pid' ? pid : 'web');
      const [status] = await reconcile(spec);
      await both(pid, status);
      expect(await agent({ plan: [spec] }, { reconcile: [spec] })).toEqual({
        answers: [[], [status]],
        events: [],
      });
      expect(await reconcile()).toEqual([]);
      expect([await stateOf(pid), await world.traces()]).toEqual(before);
      expect(await sh(`kill -0 ${pid} && echo lives`)).toBe('lives\n');
    },
  );

  it('that is a named namespace has one too, with the addresses and MAC that were chosen', async () => {
    await sh('ip netns add theirs');
    const before = await world.traces();
    const spec = attach('ns', 'netns', '/run/netns/theirs', {
      network: { kind: 'bridge', address: '10.10.1.9', mac: '0a:00:00:00:00:09' },
    });
    const [status] = await reconcile(spec);
    expect(status).toMatchObject({ state: 'running', address: '10.10.1.9' });
    expect(status).not.toHaveProperty('pid');
    expect(await sh('ip -n theirs -o link show eth0')).toContain('0a:00:00:00:00:09');
    expect(await sh("ip netns exec theirs ping -c 1 -W 5 10.10.1.1 | grep -o '1 received'")).toBe(
      '1 received\n',
    );
    await reconcile();
    expect(await world.traces()).toBe(before);
    expect(await sh('ip -n theirs -o link | cut -d: -f2')).toBe(' lo\n');
  });

  it('gets IPv6 where its engine has switched that off', async () => {
    const pid = await somebodys('echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6');
    const [status] = await reconcile(attach('a', 'pid', pid));
    await both(pid, status);
    expect(await sh(`nsenter --net=/proc/${pid}/ns/net cat /proc/sys/net/ipv6/conf/eth0/accept_ra`)).toBe(
      '0\n',
    );
  });

  it('is mended when its link is damaged or its name is lost, without another address', async () => {
    const pid = await somebodys();
    const spec = attach('a', 'pid', pid);
    const [status] = await reconcile(spec);
    for (const damage of [
      `ip link set ${hostLinkOf('a')} down`,
      `ip link delete ${hostLinkOf('a')}`,
      `nsenter --net=/proc/${pid}/ns/net ip link delete eth0`,
      'ip netns delete cwya-a',
    ]) {
      await sh(damage);
      expect(await reconcile(spec)).toEqual([status]);
      await both(pid, status);
    }
  });

  it('follows its host to other subnets, with its address in what is told', async () => {
    const pid = await somebodys();
    const spec = attach('a', 'pid', pid);
    await reconcile(spec);
    const moved = { ...NETWORK, subnets: { ipv4: '10.10.5.0/24' }, gateways: { ipv4: '10.10.5.1' } };
    await sh('ip address add 10.10.5.1/24 dev cwy0');
    const { answers, events } = await world.agent(moved, { reconcile: [spec] });
    expect(answers).toMatchObject([[{ state: 'running', address: '10.10.5.2' }]]);
    expect(events).toEqual([
      ['container-moved', 'container a moved from 10.10.1.2 and fd00:10:0:1::2 to 10.10.5.2'],
    ]);
    expect(await pingFrom(pid, '10.10.5.1')).toBe('1 received\n');
  });
});

describe('its end', () => {
  it.each(['pid', 'docker'] as const)(
    'is noticed within a second, and everything of ours goes (%s)',
    async (kind) => {
      const before = await world.traces();
      const pid = await somebodys();
      docker.containers.set('web', pid);
      const spec = attach('a', kind, kind === 'pid' ? pid : 'web');
      const run = agent({ reconcile: [spec] }, { killAndWait: pid }, { reconcile: [spec] });
      const { answers, events } = await run;
      expect(answers).toMatchObject([
        [{ state: 'running' }],
        'needed',
        [{ state: 'detached', reason: `${kind}:${kind === 'pid' ? pid : 'web'} does not run` }],
      ]);
      expect((answers[2] as object[])[0]).not.toHaveProperty('address');
      expect(events.map(([one]) => one)).toEqual(['container-attached', 'container-detached']);
      expect(await world.traces()).toBe(before);
    },
  );

  it('of one that its engine starts again is followed by a new life with the same address', async () => {
    const first = await somebodys();
    docker.containers.set('web', first);
    const spec = attach('a', 'docker', 'web');
    await reconcile(spec);
    docker.containers.set('web', 0);
    await sh(`kill -9 ${first}`);
    expect(await reconcile(spec)).toMatchObject([{ state: 'detached' }]);
    const other = await reconcile(spec, web('b'));
    expect(other[1]).toMatchObject({ address: '10.10.1.3' });
    const waiting = agent(
      { reconcile: [spec, web('b')] },
      { waitForNeed: true },
      { reconcile: [spec, web('b')] },
    );
    const before = docker.asked();
    await expect.poll(docker.asked, { timeout: 30_000 }).toBeGreaterThan(before);
    const second = await somebodys();
    docker.containers.set('web', second);
    const { answers } = await waiting;
    await both(second, (answers[2] as ContainerStatus[])[0]);
  });

  it('of a namespace is that of its name', async () => {
    await sh('ip netns add theirs');
    const spec = attach('a', 'netns', '/run/netns/theirs');
    await reconcile(spec);
    await sh('ip netns delete theirs');
    expect(await reasonOf(spec)).toEqual(['detached', 'netns:/run/netns/theirs does not run']);
    expect(await sh('ls /run/netns')).toBe('');
  });

  it('is no end when only the engine is away', async () => {
    const pid = await somebodys();
    docker.containers.set('web', pid);
    const [status] = await reconcile(attach('a', 'docker', 'web'));
    await docker.close();
    rmSync(`${world.dir}/docker.sock`, { force: true });
    expect(await reconcile(attach('a', 'docker', 'web'))).toEqual([status]);
  });
});

describe('what cannot be attached', () => {
  it('is refused with a sentence that names it, and left as it is', async () => {
    const [pid, linked] = [await somebodys(), await somebodys('ip link add eth0 type veth peer name x')];
    docker.containers.set('ended', 0);
    await sh('ip netns add linked; ip -n linked link add eth0 type veth peer name x; touch /run/file');
    const before = [await stateOf(pid), await stateOf(linked)];
    const cases: readonly (readonly [AttachKind, string | number, string, string])[] = [
      ['docker', 'nobody', 'failed', 'attaching docker:nobody: Docker has no container nobody'],
      ['docker', 'ended', 'detached', 'docker:ended does not run'],
      [
        'containerd',
        'nobody',
        'failed',
        'attaching containerd:nobody: containerd runs no container nobody in its namespace default',
      ],
      [
        'containerd',
        '../../x',
        'failed',
        'attaching containerd:../../x: attach "containerd:../../x" is none of containerd:ID',
      ],
      ['pid', 999_999, 'failed', 'attaching pid:999999: there is no process 999999 on this host'],
      ['pid', 'x', 'failed', 'attaching pid:x: attach "pid:x" is no process id'],
      [
        'pid',
        1,
        'failed',
        'attaching pid:1: it uses the host’s network and has no network namespace of its own',
      ],
      ['pid', linked, 'failed', `attaching pid:${linked}: it has a network already, a link eth0`],
      [
        'netns',
        '/run/netns/linked',
        'failed',
        'attaching netns:/run/netns/linked: it has a network already, a link eth0',
      ],
      [
        'netns',
        '/run/netns/none',
        'failed',
        'attaching netns:/run/netns/none: /run/netns/none is no network namespace of this host',
      ],
      [
        'netns',
        '/run/file',
        'failed',
        'attaching netns:/run/file: /run/file is no network namespace of this host',
      ],
    ];
    for (const [kind, id, state, reason] of cases) {
      const told = await reasonOf(attach('a', kind, id));
      expect(told).toEqual([state, expect.stringContaining(reason)]);
    }
    expect([await stateOf(pid), await stateOf(linked)]).toEqual(before);
    expect(await sh('ls /run/netns')).toBe('linked\n');
  });

  it('is attached already, or is one of our own', async () => {
    const pid = await somebodys();
    const first = attach('first', 'pid', pid);
    const taken = [
      'failed',
      expect.stringContaining(`attaching pid:${pid}: it is attached already, as first`),
    ];
    expect(await reasonOf(first, attach('second', 'pid', pid))).toEqual(taken);
    expect(await reasonOf(first, attach('second', 'pid', pid))).toEqual(taken);
    const [own] = await reconcile(web('own'));
    expect(await reasonOf(web('own'), attach('again', 'pid', own?.pid ?? 0))).toEqual([
      'failed',
      expect.stringContaining('it is the network of container own, which Causeway runs'),
    ]);
  });

  it('is told where no engine answers', async () => {
    await docker.close();
    rmSync(`${world.dir}/docker.sock`, { force: true });
    expect(await reasonOf(attach('a', 'docker', 'web'))).toEqual([
      'failed',
      expect.stringMatching(/^attaching docker:web: asking Docker at \S+: connect ENOENT/),
    ]);
  });
});

describe('an agent that is killed anywhere while it attaches', () => {
  it('leaves what the next one completes, or takes away', async () => {
    const pid = await somebodys();
    const before = [await stateOf(pid), await world.traces()];
    const spec = attach('a', 'pid', pid);
    const input = JSON.stringify(world.scriptOf(NETWORK, [{ reconcile: [spec] }]));
    for (let lifeMs = 100; lifeMs < 400; lifeMs += 20) {
      await world.net.exec('timeout', ['-s', 'KILL', `${lifeMs / 1000}`, 'node', driver.path], {
        ...{ input, okCodes: [124, 137, -1] },
      });
      if (lifeMs % 40 !== 0) continue;
      await reconcile();
      expect([await stateOf(pid), await world.traces()]).toEqual(before);
    }
    await both(pid, (await reconcile(spec))[0]);
    expect(await agent({ removeAll: true })).toMatchObject({ answers: [['removed container a']] });
    expect([await stateOf(pid), await world.traces()]).toEqual(before);
  });
});
