import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/network.ts';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { NetworkMode } from '../../shared/src/model/container-network.ts';
import {
  buildDriver,
  type ContainerWorld,
  type Driver,
  openContainerWorld,
  web,
} from './containers-world.ts';

/** Every network mode with real runc and real namespaces, in both families. */
const NETWORK: ContainerNetwork = {
  ...{ bridge: 'cwy0', mtu: 1450 },
  subnets: { ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' },
  gateways: { ipv4: '10.10.1.1', ipv6: 'fd00:10:0:1::1' },
  hostAddresses: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
};

/** The bridge, and a link to neighbours, of which one is there. */
const HOST = `
  ip link add cwy0 type bridge
  ip link set cwy0 up
  ip address add 10.10.1.1/24 dev cwy0
  ip address add fd00:10:0:1::1/64 dev cwy0 nodad
  ip netns add lan
  ip link add eth1 type veth peer name eth0 netns lan
  ip address add 192.0.2.1/24 dev eth1
  ip address add 2001:db8::1/64 dev eth1 nodad
  ip link set eth1 up
  ip -n lan address add 192.0.2.2/24 dev eth0
  ip -n lan address add 2001:db8::2/64 dev eth0 nodad
  ip -n lan link set lo up
  ip -n lan address add 198.51.100.1/32 dev lo
  ip -n lan address add 2001:db8:1::1/128 dev lo nodad
  ip -n lan link set eth0 up`;

let driver: Driver;
let world: ContainerWorld;

beforeAll(async () => {
  driver = await buildDriver();
});
afterAll(() => driver.remove());
beforeEach(async () => {
  world = await openContainerWorld(driver, HOST);
});
afterEach(() => world.close());

const spec = (name: string, network?: NetworkMode, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...web(name, {}, '12345'),
  ...(network === undefined ? {} : { network }),
  ...more,
});
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(NETWORK, ...specs);
const sh = async (script: string) => (await world.net.sh(script)).stdout;
const get = (name: string, address: string) =>
  world.inside(name, 'wget', '-qO-', `http://${address}:12345/hello`);
const ping = (name: string, address: string) =>
  world.inside(name, address.includes(':') ? 'ping6' : 'ping', '-c', '1', '-W', '5', address);
const kill = (pid: number | undefined) => sh(`kill -9 ${pid}`);
const GOOD = '1 packets received';

async function one(...specs: ContainerSpec[]): Promise<ContainerStatus> {
  const [status] = await reconcile(...specs);
  if (status === undefined) throw new Error('no status');
  return status;
}

describe('on the bridge', () => {
  it('a container has the addresses and the link-layer address that were chosen, also when it starts again', async () => {
    const chosen = spec('a', {
      ...{ kind: 'bridge', address: '10.10.1.77', ipv6Address: 'fd00:10:0:1::77', mac: '0a:00:00:00:00:07' },
    });
    const first = await one(chosen, spec('b'));
    expect(first).toMatchObject({ state: 'running', address: '10.10.1.77', ipv6Address: 'fd00:10:0:1::77' });
    expect(await sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:07');
    expect(await get('b', '10.10.1.77')).toBe('hello from a\n');
    expect(await get('b', '[fd00:10:0:1::77]')).toBe('hello from a\n');
    await kill(first.pid);
    expect(await one(chosen, spec('b'))).toMatchObject({ state: 'running', address: '10.10.1.77' });
    await sh(`ip link delete ${hostLinkOf('a')}`);
    await reconcile(chosen, spec('b'));
    expect(await sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:07');
  });

  it('an address of a container that is gone comes back, and not before', async () => {
    const small = { ...NETWORK, subnets: { ipv4: '10.10.1.0/30' }, gateways: { ipv4: '10.10.1.1' } };
    const states = await world.reconcile(small, spec('a'), spec('b'));
    expect(states).toMatchObject([
      { state: 'running', address: '10.10.1.2' },
      {
        state: 'failed',
        reason: 'choosing an IPv4 address for container b: all 1 addresses of 10.10.1.0/30 are taken',
      },
    ]);
    expect(await world.reconcile(small, spec('b'))).toMatchObject([
      { state: 'running', address: '10.10.1.2' },
    ]);
  });

  it('everything moves to a bridge of another name without another address', async () => {
    const before = await reconcile(spec('a'), spec('b'));
    await sh('ip link set cwy0 name br-web');
    const renamed = { ...NETWORK, bridge: 'br-web' };
    expect(await world.reconcile(renamed, spec('a'), spec('b'))).toEqual(before);
    await sh(`ip link add br2 type bridge; ip link set br2 up; ip address flush dev br-web
      ip address add 10.10.1.1/24 dev br2; ip address add fd00:10:0:1::1/64 dev br2 nodad`);
    expect(await world.reconcile({ ...NETWORK, bridge: 'br2' }, spec('a'), spec('b'))).toEqual(before);
    expect(await sh(`ip -o link show ${hostLinkOf('a')}`)).toContain('master br2');
    expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
  });
});

describe('with the host’s network', () => {
  it('a container has no namespace of its own, and the host’s addresses', async () => {
    const status = await one(spec('a', { kind: 'host' }));
    expect(status).toMatchObject({ state: 'running', address: '192.0.2.1', ipv6Address: '2001:db8::1' });
    expect(await sh('ip netns exec lan wget -qO- http://192.0.2.1:12345/hello')).toBe('hello from a\n');
    expect(await sh('ls /run/netns')).not.toContain('cwy-a');
    expect(await one(spec('a', { kind: 'host' }))).toEqual(status);
    const moved = { ...NETWORK, hostAddresses: { ipv4: '192.0.2.9' } };
    const [after] = await world.reconcile(moved, spec('a', { kind: 'host' }));
    expect(after).toMatchObject({ pid: status.pid, address: '192.0.2.9' });
    expect(await reconcile()).toEqual([]);
    expect(await world.traces()).not.toContain('httpd');
  });
});

describe('without a network', () => {
  it('a container has nothing but its loopback link', async () => {
    const status = await one(spec('a', { kind: 'none' }));
    expect(status.state).toBe('running');
    expect(status).not.toHaveProperty('address');
    expect(await sh('ip -n cwy-a -o link | cut -d: -f2')).toBe(' lo\n');
    expect(await get('a', '127.0.0.1')).toBe('hello from a\n');
    expect(await one(spec('a', { kind: 'none' }))).toEqual(status);
  });

  it('runs where the host has no subnet', async () => {
    const nowhere = { ...NETWORK, subnets: {}, gateways: {} };
    expect(await world.reconcile(nowhere, spec('a', { kind: 'none' }))).toMatchObject([{ state: 'running' }]);
  });
});

describe('in another container’s namespace', () => {
  const beside = () =>
    spec('beside', { kind: 'container', container: 'target' }, { command: ['sleep', '1000'] });

  it('a container shares links and loopback, and has the other’s addresses', async () => {
    const [status, target] = await reconcile(beside(), spec('target'));
    expect(target).toMatchObject({ state: 'running', address: '10.10.1.2' });
    expect(status).toMatchObject({ state: 'running', address: '10.10.1.2', ipv6Address: 'fd00:10:0:1::2' });
    expect(await get('beside', '127.0.0.1')).toBe('hello from target\n');
    expect(await world.inside('beside', 'readlink', '/proc/self/ns/net')).toBe(
      await world.inside('target', 'readlink', '/proc/self/ns/net'),
    );
    expect(await reconcile(beside(), spec('target'))).toEqual([status, target]);
  });

  it('it follows when the other is started anew', async () => {
    const [before, target] = await reconcile(beside(), spec('target'));
    await kill(target?.pid);
    await expect
      .poll(async () => (await reconcile(beside(), spec('target'))).map(({ state }) => state), {
        timeout: 30_000,
      })
      .toEqual(['running', 'running']);
    const [after, anew] = await reconcile(beside(), spec('target'));
    expect([after?.pid, anew?.pid]).not.toEqual([before?.pid, target?.pid]);
    expect(await get('beside', '127.0.0.1')).toBe('hello from target\n');
    const other = spec('target', undefined, { env: { CHANGED: 'yes' } });
    await reconcile(beside(), other);
    expect(await get('beside', '127.0.0.1')).toBe('hello from target\n');
  });

  it('it says what it lacks, and goes when the other goes', async () => {
    const [alone] = await reconcile(beside());
    expect(alone).toMatchObject({
      state: 'failed',
      reason: 'network "container:target" of container beside: there is no container target on this host',
    });
    const [waiting] = await reconcile(beside(), spec('target', undefined, { want: 'stopped' }));
    expect(waiting?.state).toBe('failed');
    expect(waiting?.reason).toContain('container target, which does not run');
    expect(await reconcile(beside(), spec('target'))).toMatchObject([
      { state: 'running' },
      { state: 'running' },
    ]);
  });
});

describe('macvlan', () => {
  const near = (more: object = {}): NetworkMode => ({
    ...{ kind: 'macvlan', device: 'eth1', mac: '0a:00:00:00:00:50' },
    ...{ addresses: ['192.0.2.50/24', '2001:db8::50/64'], gateways: ['192.0.2.2', '2001:db8::2'] },
    ...more,
  });

  it('a container is a neighbour of the host’s neighbours, by the address, gateway and MAC that it was given', async () => {
    const status = await one(spec('a', near()));
    expect(status).toMatchObject({ state: 'running', address: '192.0.2.50', ipv6Address: '2001:db8::50' });
    expect(await sh('ip netns exec lan wget -qO- http://192.0.2.50:12345/hello')).toBe('hello from a\n');
    expect(await sh("ip netns exec lan wget -qO- 'http://[2001:db8::50]:12345/hello'")).toBe(
      'hello from a\n',
    );
    for (const far of ['198.51.100.1', '2001:db8:1::1']) expect(await ping('a', far)).toContain(GOOD);
    expect(await sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:50');
    expect(await one(spec('a', near()))).toEqual(status);
    expect(await reconcile()).toEqual([]);
    expect(await sh('ls /run/netns')).toBe('lan\n');
  });

  it('gets its device back, and its way out', async () => {
    await reconcile(spec('a', near()));
    for (const damage of [
      'ip -n cwy-a link delete eth0',
      'ip -n cwy-a route delete default',
      'ip -n cwy-a link set eth0 down',
    ]) {
      await sh(damage);
      expect((await one(spec('a', near()))).state).toBe('running');
      expect(await ping('a', '198.51.100.1')).toContain(GOOD);
      expect(await ping('a', '2001:db8:1::1')).toContain(GOOD);
    }
  });

  it('says when the host’s link is missing or down', async () => {
    const missing = await one(spec('a', near({ device: 'eth7' })));
    expect(missing).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('network "macvlan:eth7" of container a: this host has no link eth7'),
    });
    await sh('ip link set eth1 down');
    expect(await one(spec('b', near()))).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining(
        'network "macvlan:eth1" of container b: the link eth1 of this host is down',
      ),
    });
    await sh('ip link set eth1 up');
    await expect.poll(async () => (await one(spec('b', near()))).state, { timeout: 30_000 }).toBe('running');
    await sh('ip link set eth1 down');
    expect(await one(spec('b', near()))).toMatchObject({
      state: 'running',
      reason: 'the link eth1 of this host is down',
    });
  });
});

describe('a point-to-point link', () => {
  const to = (name: string, peer: string, addresses: object = {}) =>
    spec(name, { kind: 'p2p', peer, ...addresses });
  const links = (name: string) => sh(`ip -n cwy-${name} -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'`);

  it('leads between two containers and nowhere else, with the addresses that were chosen', async () => {
    const specs = [
      to('a', 'b', { address: '10.0.0.1', ipv6Address: 'fd99::1' }),
      to('b', 'a', { address: '10.0.0.2', ipv6Address: 'fd99::2' }),
    ];
    const [a, b] = await reconcile(...specs);
    expect(a).toMatchObject({ state: 'running', address: '10.0.0.1', ipv6Address: 'fd99::1' });
    expect(b).toMatchObject({ state: 'running', address: '10.0.0.2', ipv6Address: 'fd99::2' });
    for (const address of ['10.0.0.2', '[fd99::2]']) expect(await get('a', address)).toBe('hello from b\n');
    for (const address of ['10.0.0.1', '[fd99::1]']) expect(await get('b', address)).toBe('hello from a\n');
    expect([await links('a'), await links('b')]).toEqual([' lo eth0', ' lo eth0']);
    expect(await sh('ip -n cwy-a -o -4 address show eth0')).toContain('10.0.0.1/32');
    expect(await sh('ip -n cwy-a -o -6 address show eth0 scope global')).toContain('fd99::1/128');
    expect(await sh('ip -n cwy-a route')).toMatch(/^10\.0\.0\.2 dev eth0 scope link src 10\.0\.0\.1 *\n$/);
    expect(await sh('ip -o link show type bridge_slave')).toBe('');
    expect(await reconcile(...specs)).toEqual([a, b]);
  });

  it('is there again when either of both is started anew, and told of while one is not there', async () => {
    const specs = [to('a', 'b'), spec('b', { kind: 'none' })];
    let [a, b] = await reconcile(...specs);
    expect(b).toMatchObject({ state: 'running', address: '10.10.1.3' });
    for (const which of ['a', 'b']) {
      expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
      expect(await get('b', '[fd00:10:0:1::2]')).toBe('hello from a\n');
      await kill(which === 'a' ? a?.pid : b?.pid);
      await expect
        .poll(async () => (await reconcile(...specs)).map(({ state }) => state), { timeout: 30_000 })
        .toEqual(['running', 'running']);
      [a, b] = await reconcile(...specs);
    }
    expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
    const mortal = spec('b', { kind: 'none' }, { restart: 'no' });
    await kill((await reconcile(to('a', 'b'), mortal))[1]?.pid);
    expect(await reconcile(to('a', 'b'), mortal)).toMatchObject([
      { state: 'running', reason: 'its peer b does not run' },
      { state: 'exited' },
    ]);
    const [left] = await reconcile(to('a', 'b'));
    expect(left).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('there is no container b on this host'),
    });
  });

  it('is added to one that is on the bridge, and mended when it is damaged', async () => {
    const specs = [to('a', 'b'), spec('b')];
    await reconcile(...specs);
    const far = (await sh("ip -n cwy-b -o link | grep -o 'cwyp[0-9a-f]*' | head -1")).trim();
    for (const damage of [
      ':',
      'ip -n cwy-a link delete eth0',
      `ip -n cwy-b link set ${far} down`,
      'ip -n cwy-a route flush dev eth0',
      `ip -n cwy-b -6 address flush dev ${far} scope global`,
    ]) {
      await sh(damage);
      await reconcile(...specs);
      expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
      expect(await get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    }
    expect(await ping('b', '10.10.1.1')).toContain(GOOD);
    await reconcile(spec('b'));
    expect(await links('b')).toBe(' lo eth0');
  });

  it('leaves nothing when an agent is killed anywhere on its way', async () => {
    const before = await world.traces();
    const specs = [to('a', 'b'), to('b', 'a')];
    const input = JSON.stringify(world.scriptOf(NETWORK, [{ reconcile: specs }]));
    for (let lifeMs = 150; lifeMs < 650; lifeMs += 50) {
      await world.net.exec('timeout', ['-s', 'KILL', `${lifeMs / 1000}`, 'node', driver.path], {
        ...{ input, okCodes: [124, 137, -1] },
      });
      if (lifeMs % 100 === 0) await reconcile();
    }
    await expect
      .poll(async () => (await reconcile(...specs)).map(({ state }) => state), { timeout: 30_000 })
      .toEqual(['running', 'running']);
    expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
    await reconcile();
    expect(await world.traces()).toBe(before);
  });
});
