import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/host-network.ts';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import { DUAL, DUAL_BRIDGE, IPV4, IPV6, OUTSIDE, useContainerWorld, web } from './containers-world.ts';

/** Containers in networks of one family and of both: real runc, real namespaces. */
const world = useContainerWorld(`${DUAL_BRIDGE}${OUTSIDE}`);
const serving = (name: string) => web(name, {}, '12345');
const reconcileOn = (network: ContainerNetwork, ...names: string[]) =>
  world.reconcile(network, ...names.map(serving));
const addressesIn = (name: string) => world.addressesIn(name);

describe('containers of a network of both families', () => {
  it('have an address in each, reach each other and the outside, and are reached', async () => {
    const made = await reconcileOn(DUAL, 'a', 'b');
    expect(made).toMatchObject([
      { state: 'running', address: '10.10.1.2', ipv6Address: 'fd00:10:0:1::2' },
      { state: 'running', address: '10.10.1.3', ipv6Address: 'fd00:10:0:1::3' },
    ]);
    expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
    expect(await world.get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    expect(await world.ping('a', '192.0.2.2')).toContain('1 packets received');
    expect(await world.ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await world.sh('ip netns exec outside ping -c 1 -W 5 fd00:10:0:1::3')).toContain('1 received');
    expect(await world.inside('a', 'cat', '/etc/hosts')).toContain('10.10.1.2\ta\nfd00:10:0:1::2\ta\n');
    expect(await world.sh('ip -n cwy-a -6 address show dev eth0 scope global')).not.toMatch(
      /tentative|dynamic/,
    );
  });

  it('are left alone by a second pass and by an agent restarted', async () => {
    const first = await reconcileOn(DUAL, 'a', 'b');
    const specs = ['a', 'b'].map(serving);
    const { answers, events } = await world.agent(DUAL, { plan: specs }, { reconcile: specs });
    expect([answers, events]).toEqual([[[], first], []]);
  });

  it('take no router for theirs that announces itself on the bridge', async () => {
    await reconcileOn(DUAL, 'a');
    for (const link of ['eth0', 'default'])
      expect(await world.inside('a', 'cat', `/proc/sys/net/ipv6/conf/${link}/accept_ra`)).toBe('0\n');
  });

  it('get a link back that was deleted, with all that was behind it', async () => {
    const [first] = await reconcileOn(DUAL, 'a');
    await world.sh(`ip link delete ${hostLinkOf('a')}`);
    expect(await reconcileOn(DUAL, 'a')).toEqual([first]);
    expect(await world.ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await world.ping('a', '192.0.2.2')).toContain('1 packets received');
  });
});

describe('containers of a network of one family', () => {
  it('of IPv6 have an IPv6 address only, reach each other and the outside', async () => {
    const made = await reconcileOn(IPV6, 'a', 'b');
    expect(made).toMatchObject([{ state: 'running', ipv6Address: 'fd00:10:0:1::2' }, { state: 'running' }]);
    expect(made[0]).not.toHaveProperty('address');
    expect(await world.get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    expect(await world.ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await addressesIn('a')).toBe('fd00:10:0:1::2/64\n');
    const links = await world.sh('for name in a b; do ip -n cwy-$name -o link show eth0; done');
    expect(new Set(links.match(/link\/ether \S+/g)).size).toBe(2);
  });

  it('of IPv4 have an IPv4 address only', async () => {
    const [made] = await reconcileOn(IPV4, 'a');
    expect(made).toMatchObject({ state: 'running', address: '10.10.1.2' });
    expect(made).not.toHaveProperty('ipv6Address');
    expect(await addressesIn('a')).toBe('10.10.1.2/24\n');
  });

  it('get the second family while they run, and lose it again with its way out', async () => {
    const [first] = await reconcileOn(IPV4, 'a');
    const gained = await world.agent(DUAL, { reconcile: [serving('a')] });
    expect(gained).toEqual({ answers: [[{ ...first, ipv6Address: 'fd00:10:0:1::2' }]], events: [] });
    expect(await world.ping('a', '2001:db8::2')).toContain('1 packets received');
    const lost = await world.agent(IPV4, { reconcile: [serving('a')] });
    expect(lost.answers).toEqual([[first]]);
    const sentence = 'container a has lost fd00:10:0:1::2 and keeps 10.10.1.2';
    expect(lost.events).toEqual([['container-moved', sentence]]);
    expect(await addressesIn('a')).toBe('10.10.1.2/24\n');
    expect(await world.sh('ip -n cwy-a -6 route show default')).toBe('');
    expect(await world.ping('a', '192.0.2.2')).toContain('1 packets received');
  });
});

describe('the MTU', () => {
  it('is followed by running containers on both ends of their links', async () => {
    const [before] = await reconcileOn(DUAL, 'a');
    await world.sh('ip link set cwy0 mtu 1380');
    expect(await reconcileOn({ ...DUAL, mtu: 1380 }, 'a')).toEqual([before]);
    expect(await world.sh('ip -n cwy-a -o link show eth0')).toContain('mtu 1380');
    expect(await world.sh(`ip -o link show ${hostLinkOf('a')}`)).toContain('mtu 1380');
    expect(await world.ping('a', '2001:db8::2')).toContain('1 packets received');
  });
});

describe('a host whose records were written before there was IPv6', () => {
  it('keeps its containers and their addresses', async () => {
    const [before] = await reconcileOn(IPV4, 'a');
    const record = await readFile(`${world.dir}/lib/containers/a.json`, 'utf8');
    expect(JSON.parse(record)).toMatchObject({ name: 'a', address: '10.10.1.2' });
    expect(record).not.toContain('ipv6');
    expect(await reconcileOn(IPV4, 'a')).toEqual([before]);
  });
});
