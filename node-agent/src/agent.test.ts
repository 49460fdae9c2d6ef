import { type AddressInfo, createServer } from 'node:net';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentWorld, NETWORK, until } from '../../test/support/agent-world.ts';
import type { Kernel, WatchFocus } from './kernel/kernel.ts';

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(() => world.close());

describe('an agent', () => {
  it('waits for the network, joins, and holds bridge, routes and rules', async () => {
    void world.start();
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.kernel.links.has('cwy0')).toBe(false);
    world.store.put(keys.networkConfig, NETWORK);
    world.peer(12);
    await until(() => expect(world.routes()).toEqual(['10.10.12.0/24 192.168.122.12']));
    await until(() =>
      expect(world.report()).toMatchObject({
        ...{ problems: [], repairs: 0, peersWanted: 1, peersInstalled: 1, peers: [] },
      }),
    );
    expect(world.kernel.links.get('cwy0')).toMatchObject({ up: true, mtu: 1500 });
    expect(world.rules()).not.toBe('');
    const { ipv4, ...record } = world.record();
    expect(record).toMatchObject({ name: 'host-1', dataplane: 'nftables' });
    expect(ipv4).toMatchObject({ publicIp: '192.168.122.11', network: '192.168.122.0/24' });
    expect(world.kernel.links.get('cwy0')?.addresses).toEqual([ipv4?.subnet?.replace('.0/', '.1/')]);
    await until(() => expect(world.events()).toEqual(['joined']));
  });

  it('holds both families where the network has both', async () => {
    await world.close();
    world = new AgentWorld('192.168.122.11/24', 'fd00:122::b/64');
    const both = { EnableIPv6: true, IPv6Network: 'fd00:10::/48' };
    world.store.put(keys.networkConfig, { ...NETWORK, ...both });
    world.store.put(keys.subnet({ ipv4: '10.10.12.0/24', ipv6: 'fd00:10:0:c::/64' }), {
      ...{ PublicIP: '192.168.122.12', PublicIPv6: 'fd00:122::c', BackendType: 'host-gw' },
    });
    void world.start({ subnetFile: `${world.directory}/subnet.env` });
    await until(() =>
      expect(world.routes().toSorted()).toEqual([
        '10.10.12.0/24 192.168.122.12',
        'fd00:10:0:c::/64 fd00:122::c',
      ]),
    );
    const { ipv4, ipv6 } = world.record();
    expect(world.kernel.links.get('cwy0')?.addresses).toHaveLength(2);
    await until(() => expect(world.report().problems).toEqual([]));
    await until(() => expect(world.kernel.firewalls.nft.ipv6.list()).not.toBe(''));
    await until(() => expect(world.file('subnet.env')).toContain('FLANNEL_MTU=1500'));
    expect(world.file('subnet.env')).toContain(`FLANNEL_SUBNET=${ipv4?.subnet?.replace('.0/', '.1/')}`);
    expect(world.file('subnet.env')).toContain(`FLANNEL_IPV6_SUBNET=${ipv6?.subnet?.replace('::/', '::1/')}`);
  });

  it('brings a service into the kernel without listing it, and reports the revision', async () => {
    await world.settled();
    world.looks.length = 0;
    const revision = world.expose('web', '2.2.2.2');
    await until(() => expect(world.report().servicesRevision).toBeGreaterThanOrEqual(revision));
    expect(world.rules()).toContain('2.2.2.2');
    expect(world.looks.flatMap((look) => Object.keys(look))).toEqual([]);
  });

  it('follows its peers without listing the kernel', async () => {
    await world.settled();
    world.looks.length = 0;
    const revision = world.peer(13);
    world.store.remove(keys.subnet({ ipv4: '10.10.12.0/24' }));
    await until(() => expect(world.routes()).toEqual(['10.10.13.0/24 192.168.122.13']));
    await until(() => expect(world.report().networkRevision).toBeGreaterThan(revision));
    expect(world.looks.flatMap((look) => Object.keys(look))).toEqual([]);
  });

  it('tells of peers that it cannot reach, and of routes in the way', async () => {
    const leads = { type: 'unicast', gateway: '192.168.122.99', device: 'eth0', protocol: 3, metric: 0 };
    world.kernel.routes.push({ family: 'ipv4', destination: '10.10.13.0/24', ...leads });
    await world.settled();
    world.peer(13);
    world.store.put(keys.subnet({ ipv4: '10.10.14.0/24' }), { PublicIP: '1.2.3.4', BackendType: 'host-gw' });
    await until(() => expect(world.report()).toMatchObject({ peersWanted: 3, peersInstalled: 1 }));
    expect(world.report().peers).toMatchObject([
      { subnet: '10.10.13.0/24', state: 'failed', reason: expect.any(String) },
      { subnet: '10.10.14.0/24', state: 'unreachable', reason: expect.any(String) },
    ]);
    expect(world.report().problems).toHaveLength(2);
  });

  it('repairs what somebody else breaks, and counts it', async () => {
    await world.settled();
    world.kernel.disturb('network', () => {
      world.kernel.routes = world.kernel.routes.filter((route) => route.protocol !== 88);
    });
    await until(() => expect(world.routes()).toHaveLength(1));
    world.kernel.disturb('firewall', () => world.flush());
    await until(() => expect(world.rules()).not.toBe(''));
    await until(() => expect(world.report().repairs).toBe(2));
  });

  it('tells the cluster as long as it cannot look at its kernel', async () => {
    const { observe } = world.kernel;
    world.kernel.observe = () => Promise.reject(new Error('there is no memory'));
    world.store.put(keys.networkConfig, NETWORK);
    world.peer(12);
    void world.start();
    await until(() => expect(world.report().problems).toEqual(['there is no memory']));
    world.kernel.observe = observe;
    await until(() => expect(world.report()).toMatchObject({ problems: [], peersInstalled: 1 }), 10_000);
  });

  it('tells the cluster as long as nobody can reach it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await world.settled({ apiAddr: `127.0.0.1:${port}` });
    const told = `others do not reach this host's agent: listening on 127.0.0.1 port ${port} for controllers and other agents: another process listens there`;
    await until(() => expect(world.report().problems).toEqual([told]));
    other.close();
    await until(() => expect(world.report().problems).toEqual([]));
  });

  it('tells the monitors once which link and which settings matter', async () => {
    const kernel: Kernel = world.kernel;
    const { watch } = kernel;
    const told: WatchFocus[] = [];
    kernel.watch = (request) => ({
      ...watch.call(kernel, request),
      focus: (focus) => void told.push(focus),
    });
    await world.settled();
    world.peer(13);
    await until(() => expect(world.routes()).toHaveLength(2));
    expect(told).toEqual([{ iface: 'eth0', sysctls: expect.arrayContaining(['net/ipv4/ip_forward']) }]);
  });

  it('looks at the containers again when the network has been repaired', async () => {
    await world.settled();
    world.wanted.length = 0;
    world.kernel.disturb('network', () => world.kernel.deleteLink('cwy0'));
    await until(() => expect(world.kernel.links.has('cwy0')).toBe(true));
    await until(() => expect(world.wanted).not.toEqual([]));
  });

  it('writes all rules anew when a change is refused', async () => {
    await world.settled();
    world.flush();
    const revision = world.expose('web', '2.2.2.2');
    await until(() => expect(world.rules()).toContain('2.2.2.2'));
    await until(() => expect(world.report().servicesRevision).toBeGreaterThanOrEqual(revision));
    expect(world.report().problems).toEqual([]);
    expect(world.rules()).toContain('masquerade');
  });

  it('keeps flannel’s file of its subnet, and says when it cannot', async () => {
    const subnetFile = `${world.directory}/run/subnet.env`;
    await world.settled({ subnetFile });
    const gateway = world.record().ipv4?.subnet?.replace('.0/', '.1/');
    expect(world.file('run/subnet.env')).toBe(
      `FLANNEL_NETWORK=10.10.0.0/16\nFLANNEL_SUBNET=${gateway}\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n`,
    );
    await world.stop();
    expect(world.file('run/subnet.env')).not.toBe('');
    void world.start({ subnetFile: `${subnetFile}/below/a/file` });
    await until(() =>
      expect(world.report().problems).toEqual([
        expect.stringMatching(/^writing the subnet file .*not a directory/),
      ]),
    );
  });
});
