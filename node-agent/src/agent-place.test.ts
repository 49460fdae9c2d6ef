import { CausewayError } from '@causeway/shared/errors';
import { fingerprintOf } from '@causeway/shared/model/effective-config';
import { decodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentWorld, NETWORK, until } from '../../test/support/agent-world.ts';

/** Two subnets: one for the host, one for its peer 10.10.12.0/24. */
const NARROW = { ...NETWORK, SubnetMin: '10.10.11.0', SubnetMax: '10.10.12.0' };

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(() => world.close());

const own = () => world.record().ipv4?.subnet;
const bridge = () => world.kernel.links.get('cwy0')?.addresses ?? [];
/** Another host takes a subnet, with its claim, as if etcd had lost who had it. */
function taken(subnet: string): void {
  const lease = {
    PublicIP: '192.168.122.77',
    BackendType: 'host-gw',
    CausewayNode: { id: 'b', name: 'host-b' },
  };
  world.store.put(keys.claim(subnet), 'b');
  world.store.put(keys.subnet({ ipv4: subnet }), lease);
}
function fingerprint(config: object): string {
  const kv = { key: keys.networkConfig, value: JSON.stringify(config), modRevision: 1, createRevision: 1 };
  const read = decodeNetworkConfig({ ...kv, leaseId: '0' });
  if (read instanceof CausewayError) throw read;
  return fingerprintOf(read);
}

describe('a subnet that is lost', () => {
  it('is leased again when its keys were deleted, and nothing of the kernel changes', async () => {
    await world.settled();
    const subnet = own() ?? '';
    const before = structuredClone([world.kernel.routes, [...world.kernel.links]]);
    world.store.remove(keys.subnet({ ipv4: subnet }));
    await until(() => expect(world.store.dump()[keys.subnet({ ipv4: subnet })]).toBeDefined());
    await until(() => expect(world.events()).toEqual(['joined', 'restored']));
    expect([world.kernel.routes, [...world.kernel.links]]).toEqual(before);
  });

  it('that another host has is used no more, and a new one is', async () => {
    await world.settled();
    const before = own() ?? '';
    taken(before);
    await until(() => expect(own()).not.toBe(before));
    await until(() => expect(bridge()).toEqual([own()?.replace('.0/', '.1/')]));
    await until(() => expect(world.routes()).toContain(`${before} 192.168.122.77`));
    await until(() => expect(world.events()).toEqual(['joined', 'fenced', 'moved']));
    await until(() => expect(world.report().problems).toEqual([]));
  });

  it('leaves the host fenced while there is no other: it has peers and their routes, but no subnet', async () => {
    const subnetFile = `${world.directory}/subnet.env`;
    await world.settled({ subnetFile }, NARROW);
    expect([own(), world.file('subnet.env')]).toEqual([
      '10.10.11.0/24',
      expect.stringContaining('10.10.11.1/24'),
    ]);
    taken('10.10.11.0/24');
    await until(() => expect(bridge()).toEqual([]));
    await until(() =>
      expect(world.routes().toSorted()).toEqual([
        '10.10.11.0/24 192.168.122.77',
        '10.10.12.0/24 192.168.122.12',
      ]),
    );
    await until(() => expect(world.file('subnet.env')).toBe(''));
    await until(() => expect(world.events().slice(0, 3)).toEqual(['joined', 'fenced', 'waiting']));
    await until(() => expect(world.report()).toMatchObject({ peersWanted: 2, peersInstalled: 2 }));
    expect(world.report().problems?.join()).toContain('10.10.0.0/16');
    // The other gives it back: the host has waited for that.
    world.store.remove(keys.subnet({ ipv4: '10.10.11.0/24' }));
    world.store.remove(keys.claim('10.10.11.0/24'));
    await until(() => expect(bridge()).toEqual(['10.10.11.1/24']));
    await until(() => expect(world.file('subnet.env')).toContain('10.10.11.1/24'));
    await until(() => expect(world.report().problems).toEqual([]));
  });
});

describe('a host that finds all subnets leased', () => {
  it('is in the cluster without one, says so, and takes the first that is given back', async () => {
    world.store.put(keys.networkConfig, { ...NARROW, SubnetMin: '10.10.12.0' });
    world.peer(12);
    void world.start();
    await until(() => expect(world.events()).toEqual(['waiting']));
    await until(() => expect(world.routes()).toEqual(['10.10.12.0/24 192.168.122.12']));
    expect([world.record().name, own(), bridge()]).toEqual(['host-1', undefined, []]);
    await until(() => expect(world.report().problems).toHaveLength(1));
    world.store.remove(keys.subnet({ ipv4: '10.10.12.0/24' }));
    await until(() => expect(bridge()).toEqual(['10.10.12.1/24']));
    await until(() => expect(world.routes()).toEqual([]));
  });
});

describe('a change of the configuration', () => {
  it('that would renumber hosts is refused until it is confirmed', async () => {
    await world.settled();
    await until(() => expect(world.store.dump()[keys.acceptedNetwork]).toBeDefined());
    const before = structuredClone([world.kernel.routes, [...world.kernel.links], world.record()]);
    const moved = { ...NETWORK, Network: '10.20.0.0/16' };
    world.store.put(keys.networkConfig, moved);
    await until(() => expect(world.events()).toEqual(['joined', 'network-refused']));
    await until(() => expect(world.report().problems).toEqual([expect.stringMatching(/10\.20\.0\.0\/16/)]));
    expect([world.kernel.routes, [...world.kernel.links], world.record()]).toEqual(before);
    world.store.put(keys.networkConfig, { ...moved, CausewayRenumber: fingerprint(moved) });
    await until(() => expect(own()).toMatch(/^10\.20\./));
    await until(() => expect(bridge()).toEqual([own()?.replace('.0/', '.1/')]));
    await until(() => expect(world.events()).toEqual(expect.arrayContaining(['moved'])));
  });

  it('from host-gw to vxlan builds the tunnel, says so in the lease, and leads on to peers of both', async () => {
    await world.settled();
    const ours = {
      PublicIP: '192.168.122.13',
      BackendType: 'host-gw',
      CausewayNode: { id: 'c', name: 'host-c' },
    };
    world.store.put(keys.subnet({ ipv4: '10.10.13.0/24' }), ours);
    await until(() => expect(world.routes()).toHaveLength(2));
    const subnet = own() ?? '';
    world.store.put(keys.networkConfig, { ...NETWORK, Backend: { Type: 'vxlan' } });
    await until(() => expect(world.kernel.links.get('cwyx.1')).toMatchObject({ up: true, mtu: 1450 }));
    await until(() =>
      expect(world.store.dump()[keys.subnet({ ipv4: subnet })]).toContain('"BackendType":"vxlan"'),
    );
    // A peer that has not followed yet keeps its plain route; one that has is behind the tunnel.
    expect(world.routes()).toContain('10.10.13.0/24 192.168.122.13');
    const data = { VNI: 1, VtepMAC: '02:00:00:00:00:0d' };
    world.store.put(keys.subnet({ ipv4: '10.10.13.0/24' }), {
      ...ours,
      BackendType: 'vxlan',
      BackendData: data,
    });
    await until(() => expect(world.routes()).toContain('10.10.13.0/24 10.10.13.0 cwyx.1'));
    expect([own(), bridge(), world.kernel.links.get('cwy0')?.mtu]).toEqual([
      ...[subnet, [subnet.replace('.0/', '.1/')], 1450],
    ]);
    expect(world.events()).toContain('network-changed');
    world.store.put(keys.networkConfig, NETWORK);
    await until(() => expect(world.kernel.links.has('cwyx.1')).toBe(false));
    await until(() => expect(world.routes()).toContain('10.10.13.0/24 192.168.122.13'));
    await until(() => expect(world.kernel.links.get('cwy0')?.mtu).toBe(1500));
  });

  it('that adds a family adds a subnet and keeps the other', async () => {
    await world.close();
    world = new AgentWorld('192.168.122.11/24', 'fd00:122::b/64');
    await world.settled();
    const subnet = own();
    world.store.put(keys.networkConfig, { ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00:10::/48' });
    await until(() => expect(world.record().ipv6?.subnet).toMatch(/^fd00:10:/));
    await until(() => expect(bridge()).toHaveLength(2));
    expect(own()).toBe(subnet);
  });
});

describe('the host’s address', () => {
  const eth0 = () => world.kernel.link('eth0');

  it('is followed in etcd and in the kernel when it changes', async () => {
    await world.settled();
    const subnet = own() ?? '';
    world.kernel.disturb('network', () => {
      world.kernel.addAddress('eth0', '192.168.122.21/24');
      eth0().addresses = ['192.168.122.21/24'];
    });
    await until(() => expect(world.record().ipv4?.publicIp).toBe('192.168.122.21'));
    await until(() =>
      expect(world.store.dump()[keys.subnet({ ipv4: subnet })]).toContain('"PublicIP":"192.168.122.21"'),
    );
    await until(() => expect(world.events()).toEqual(['joined', 'address-changed']));
    expect(own()).toBe(subnet);
  });

  it('stays what the others know while the link has none, and that is told', async () => {
    await world.settled();
    const before = world.record();
    world.kernel.disturb('network', () => {
      eth0().up = false;
      eth0().addresses = [];
    });
    await until(() => expect(world.report().problems?.join()).toMatch(/the link eth0 has no IPv4 address/));
    expect(world.record()).toEqual(before);
    world.kernel.disturb('network', () => {
      eth0().up = true;
      eth0().addresses = ['192.168.122.11/24'];
    });
    await until(() => expect(world.report().problems).toEqual([]));
    expect(world.events()).toEqual(['joined']);
  });
});

describe('an agent gives up', () => {
  it('when another host lives under its name', async () => {
    world.store.put(keys.networkConfig, NETWORK);
    world.store.put(keys.alive('host-1'), { id: 'somebody-else', instance: 'x' });
    await expect(world.start()).rejects.toThrow(/another host.*is running under this name/);
    expect(world.kernel.links.has('cwy0')).toBe(false);
  });

  it.each(['192.168.0.0/16', '192.168.122.0/25'])(
    'when the network of containers takes the hosts’: %s',
    async (network) => {
      world.store.put(keys.networkConfig, { ...NETWORK, Network: network, SubnetLen: 28 });
      await expect(world.start()).rejects.toThrow(
        `joining as host "host-1": the containers' network ${network} overlaps 192.168.122.0/24, the network of this ` +
          "host's link to the other hosts (192.168.122.11); give the controller another with --network",
      );
      const left = Object.keys(world.store.dump());
      expect([world.kernel.links.has('cwy0'), left]).toEqual([false, [keys.networkConfig]]);
    },
  );
});
