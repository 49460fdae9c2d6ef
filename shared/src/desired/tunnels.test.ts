import { describe, expect, it } from 'vitest';
import {
  DUAL_STACK,
  farLeaseOf,
  HOST_1,
  HOST_GW,
  hostWith,
  leaseOf,
  only,
  VXLAN,
} from '../../../test/support/desired-host.ts';
import type { Backend, NetworkConfig } from '../model/network.ts';
import { vtepMac } from '../model/vtep.ts';

const FALLBACK: Backend = { ...VXLAN, type: 'host-gw', direct: true };
const withBackend = (backend: Backend): NetworkConfig => ({ ...DUAL_STACK, backend });
const withMtu = (mtu: number): Backend => ({ ...VXLAN, tunnel: { ...tunnel, mtu } });
const tunnel = { vni: 7, port: 4789, learning: true, gbp: true };

describe('tunnels', () => {
  it('are one device per family, with an entry for each peer behind it', () => {
    const config = withBackend({ ...FALLBACK, tunnel });
    const vtep = (n: number) => ({ vni: 7, mac: `0A:00:00:00:00:0${n}` });
    const far = farLeaseOf(3, { ipv4: { subnet: '10.10.3.0/24', vtep: vtep(3) } });
    const { tunnels } = hostWith([far, farLeaseOf(2), leaseOf(4)], { config });
    expect(tunnels).toEqual([
      {
        ...{ name: 'cwyx.7', family: 'ipv4', vni: 7, port: 4789, local: '192.168.122.11', device: 'eth0.5' },
        ...{ mac: vtepMac('id-1', 7, 'ipv4'), mtu: 1450, learning: true, gbp: true, address: '10.10.1.0/32' },
        neighbours: [{ address: '10.10.3.0', mac: '0a:00:00:00:00:03', remote: '192.168.9.3' }],
      },
      {
        ...{ name: 'cwyx6.7', family: 'ipv6', vni: 7, port: 4789, local: 'fd00:122::11', device: 'eth0.5' },
        ...{ mac: vtepMac('id-1', 7, 'ipv6'), mtu: 1430, learning: true, gbp: true },
        ...{ address: 'fd00:10:0:1::/128', neighbours: [] },
      },
    ]);
  });

  it('stand without a subnet and without peers, and not where the link has no address', () => {
    const config = withBackend(VXLAN);
    const { tunnels } = hostWith([], { config, own: {} });
    expect(tunnels.map(({ name }) => name)).toEqual(['cwyx.1', 'cwyx6.1']);
    expect(tunnels[0]).not.toHaveProperty('address');
    const { ipv6, ...facts } = HOST_1;
    expect(hostWith([], { config, facts }).tunnels.map(({ name }) => name)).toEqual(['cwyx.1']);
    expect(hostWith([], { config: withBackend(HOST_GW) }).tunnels).toEqual([]);
  });

  it('never lead to a peer that has this host’s own link-layer address', () => {
    const vtep = { vni: 1, mac: vtepMac('id-1', 1, 'ipv4') };
    const far = farLeaseOf(3, { ipv4: { subnet: '10.10.3.0/24', vtep } });
    const { tunnels, problems } = hostWith([far], { config: only('ipv4', withBackend(VXLAN)) });
    expect(tunnels[0]?.neighbours).toEqual([]);
    expect(problems).toEqual([expect.stringContaining("of its tunnel is this host's own")]);
  });
});

describe('the MTU', () => {
  it.each([
    ['host-gw', withBackend(HOST_GW), 1500, []],
    ['host-gw with a fallback', withBackend(FALLBACK), 1430, [1450, 1430]],
    ['vxlan', withBackend(VXLAN), 1430, [1450, 1430]],
    ['vxlan of IPv4 only', only('ipv4', withBackend(VXLAN)), 1450, [1450]],
    ['vxlan of IPv6 only', only('ipv6', withBackend(VXLAN)), 1430, [1430]],
    ['vxlan over a path that is told', only('ipv4', withBackend(withMtu(1400))), 1350, [1350]],
    ['vxlan over a path larger than the link', only('ipv4', withBackend(withMtu(9000))), 1450, [1450]],
  ])('of containers fits every way, and each tunnel has its own: %s', (_, config, containers, devices) => {
    const { bridge, tunnels } = hostWith([], { config });
    expect([bridge.mtu, tunnels.map(({ mtu }) => mtu)]).toEqual([containers, devices]);
  });

  it('counts the ways that the host has', () => {
    const { ipv6, ...facts } = HOST_1;
    expect(hostWith([], { config: withBackend(VXLAN), facts }).bridge.mtu).toBe(1450);
  });

  it('is told of when it cannot be what was asked for, or is too small for IPv6', () => {
    expect(hostWith([], { config: withBackend(withMtu(9000)) }).problems).toEqual([
      "the configured MTU 9000 is more than the 1500 of this host's link eth0.5, which is counted with",
    ]);
    expect(hostWith([], { config: withBackend(withMtu(1300)) }).problems).toEqual([
      "the containers' MTU is 1230, and IPv6 needs 1280",
    ]);
    expect(hostWith([], { config: only('ipv4', withBackend(withMtu(1300))) }).problems).toEqual([]);
  });
});
