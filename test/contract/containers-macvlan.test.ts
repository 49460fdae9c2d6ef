import { describe, expect, it } from 'vitest';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { NetworkMode } from '../../shared/src/model/container-network.ts';
import { DUAL, DUAL_BRIDGE, NEIGHBOUR, useContainerWorld, webIn } from './containers-world.ts';

/** Containers that are neighbours of their host, with real runc and real namespaces, in both families. */
const world = useContainerWorld(`${DUAL_BRIDGE}${NEIGHBOUR}`);
const spec = (name: string, network?: NetworkMode, more: Partial<ContainerSpec> = {}) =>
  webIn(network, name, more);
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(DUAL, ...specs);
const GOOD = '1 packets received';

async function one(...specs: ContainerSpec[]): Promise<ContainerStatus> {
  const [status] = await reconcile(...specs);
  if (status === undefined) throw new Error('no status');
  return status;
}

describe('macvlan', () => {
  const near = (more: object = {}): NetworkMode => ({
    ...{ kind: 'macvlan', device: 'eth1', mac: '0a:00:00:00:00:50' },
    ...{ addresses: ['192.0.2.50/24', '2001:db8::50/64'], gateways: ['192.0.2.2', '2001:db8::2'] },
    ...more,
  });

  it('a container is a neighbour of the host’s neighbours, by the address, gateway and MAC that it was given', async () => {
    const status = await one(spec('a', near()));
    expect(status).toMatchObject({ state: 'running', address: '192.0.2.50', ipv6Address: '2001:db8::50' });
    expect(await world.sh('ip netns exec lan wget -qO- http://192.0.2.50:12345/hello')).toBe(
      'hello from a\n',
    );
    expect(await world.sh("ip netns exec lan wget -qO- 'http://[2001:db8::50]:12345/hello'")).toBe(
      'hello from a\n',
    );
    for (const far of ['198.51.100.1', '2001:db8:1::1']) expect(await world.ping('a', far)).toContain(GOOD);
    expect(await world.sh('ip -n cwy-a -o link show eth0')).toContain('0a:00:00:00:00:50');
    expect(await one(spec('a', near()))).toEqual(status);
    expect(await reconcile()).toEqual([]);
    expect(await world.sh('ls /run/netns')).toBe('lan\n');
  });

  it('gets its device back, and its way out', async () => {
    await reconcile(spec('a', near()));
    for (const damage of [
      'ip -n cwy-a link delete eth0',
      'ip -n cwy-a route delete default',
      'ip -n cwy-a link set eth0 down',
    ]) {
      await world.sh(damage);
      expect((await one(spec('a', near()))).state).toBe('running');
      expect(await world.ping('a', '198.51.100.1')).toContain(GOOD);
      expect(await world.ping('a', '2001:db8:1::1')).toContain(GOOD);
    }
  });

  it('says when the host’s link is missing or down', async () => {
    const missing = await one(spec('a', near({ device: 'eth7' })));
    expect(missing).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('network "macvlan:eth7" of container a: this host has no link eth7'),
    });
    expect(await one(spec('c', near({ device: 'lo' })))).toMatchObject({
      state: 'failed',
      reason:
        'network "macvlan:lo" of container c: the kernel adds no macvlan to the link lo of this host: Invalid argument',
    });
    await world.sh('ip link set eth1 down');
    expect(await one(spec('b', near()))).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining(
        'network "macvlan:eth1" of container b: the link eth1 of this host is down',
      ),
    });
    await world.sh('ip link set eth1 up');
    await expect.poll(async () => (await one(spec('b', near()))).state, { timeout: 30_000 }).toBe('running');
    await world.sh('ip link set eth1 down');
    expect(await one(spec('b', near()))).toMatchObject({
      state: 'running',
      reason: 'the link eth1 of this host is down',
    });
  });
});
