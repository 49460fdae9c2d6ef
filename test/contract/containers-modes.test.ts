import { describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/host-network.ts';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { NetworkMode } from '../../shared/src/model/container-network.ts';
import { DUAL, DUAL_BRIDGE, NEIGHBOUR, useContainerWorld, webIn } from './containers-world.ts';

/** The network modes but macvlan and p2p, with real runc and real namespaces, in both families. */
const NETWORK: ContainerNetwork = {
  ...DUAL,
  hostAddresses: { ipv4: '192.0.2.1', ipv6: '2001:db8::1' },
};
const world = useContainerWorld(`${DUAL_BRIDGE}${NEIGHBOUR}`);
const spec = (name: string, network?: NetworkMode, more: Partial<ContainerSpec> = {}) =>
  webIn(network, name, more);
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(NETWORK, ...specs);
const kill = (pid: number | undefined) => world.sh(`kill -9 ${pid}`);

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
    expect(await world.sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:07');
    expect(await world.get('b', '10.10.1.77')).toBe('hello from a\n');
    expect(await world.get('b', '[fd00:10:0:1::77]')).toBe('hello from a\n');
    await kill(first.pid);
    expect(await one(chosen, spec('b'))).toMatchObject({ state: 'running', address: '10.10.1.77' });
    await world.sh(`ip link delete ${hostLinkOf('a')}`);
    await reconcile(chosen, spec('b'));
    expect(await world.sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:07');
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
    await world.sh('ip link set cwy0 name br-web');
    const renamed = { ...NETWORK, bridge: 'br-web' };
    expect(await world.reconcile(renamed, spec('a'), spec('b'))).toEqual(before);
    await world.sh(`ip link add br2 type bridge; ip link set br2 up; ip address flush dev br-web
      ip address add 10.10.1.1/24 dev br2; ip address add fd00:10:0:1::1/64 dev br2 nodad`);
    expect(await world.reconcile({ ...NETWORK, bridge: 'br2' }, spec('a'), spec('b'))).toEqual(before);
    expect(await world.sh(`ip -o link show ${hostLinkOf('a')}`)).toContain('master br2');
    expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
  });
});

describe('with the host’s network', () => {
  it('a container has no namespace of its own, and the host’s addresses', async () => {
    const status = await one(spec('a', { kind: 'host' }));
    expect(status).toMatchObject({ state: 'running', address: '192.0.2.1', ipv6Address: '2001:db8::1' });
    expect(await world.sh('ip netns exec lan wget -qO- http://192.0.2.1:12345/hello')).toBe('hello from a\n');
    expect(await world.sh('ls /run/netns')).not.toContain('cwy-a');
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
    expect(await world.sh('ip -n cwy-a -o link | cut -d: -f2')).toBe(' lo\n');
    expect(await world.get('a', '127.0.0.1')).toBe('hello from a\n');
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
    expect(await world.get('beside', '127.0.0.1')).toBe('hello from target\n');
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
    expect(await world.get('beside', '127.0.0.1')).toBe('hello from target\n');
    const other = spec('target', undefined, { env: { CHANGED: 'yes' } });
    await reconcile(beside(), other);
    expect(await world.get('beside', '127.0.0.1')).toBe('hello from target\n');
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
    const [before] = await reconcile(beside(), spec('target'));
    expect(before).toMatchObject({ state: 'running', address: '10.10.1.2' });
    const stopped = spec('target', undefined, { want: 'stopped', stopSeconds: 0 });
    await reconcile(beside(), stopped);
    const [without] = await reconcile(beside(), stopped);
    expect(without).toMatchObject({
      ...{ state: 'running', pid: before?.pid },
      reason: 'container target, whose network it uses, does not run',
    });
    expect(without).not.toHaveProperty('address');
    expect(await reconcile(beside(), spec('target'))).toMatchObject([
      { state: 'running', address: '10.10.1.2' },
      { state: 'running', address: '10.10.1.2' },
    ]);
  });

  it('it goes on when the other is removed, can be stopped then, and follows another of its name', async () => {
    const [before] = await reconcile(beside(), spec('target'));
    const without = await one(beside());
    expect(without).toMatchObject({
      ...{ state: 'running', pid: before?.pid },
      reason: expect.stringContaining('there is no container target on this host'),
    });
    expect(without).not.toHaveProperty('address');
    const [after] = await reconcile(beside(), spec('target'));
    expect(after).toMatchObject({ state: 'running', address: '10.10.1.2' });
    expect(after?.pid).not.toBe(before?.pid);
    expect(await world.get('beside', '127.0.0.1')).toBe('hello from target\n');
    await reconcile(beside());
    const stopped = { ...beside(), want: 'stopped', stopSeconds: 0 } as const;
    await expect.poll(async () => (await one(stopped)).state, { timeout: 30_000 }).toBe('stopped');
    expect(await one(stopped)).not.toHaveProperty('address');
  });
});
