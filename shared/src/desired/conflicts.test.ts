import { describe, expect, it } from 'vitest';
import {
  DUAL_STACK,
  farLeaseOf,
  flannel,
  hostWith,
  leaseOf,
  only,
  VXLAN,
  v4,
} from '../../../test/support/desired-host.ts';
import type { SubnetLease } from '../model/lease.ts';
import type { NetworkConfig } from '../model/network.ts';

const OVERLAY: NetworkConfig = { ...DUAL_STACK, backend: VXLAN };
const FALLBACK: NetworkConfig = { ...DUAL_STACK, backend: { ...VXLAN, type: 'host-gw', direct: true } };

describe('two leases with one subnet', () => {
  const twin = v4({ subnet: '10.10.2.0/24' });

  it('get one route, to the same host whatever their order, and both are told of', () => {
    for (const leases of [
      [leaseOf(2), twin],
      [twin, leaseOf(2)],
    ]) {
      const { routes, problems, peers } = hostWith(leases, { config: only('ipv4') });
      expect(routes.map(({ gateway }) => gateway)).toEqual(['192.168.122.12']);
      expect(peers).toHaveLength(2);
      expect(problems).toEqual([
        'no route to subnet 10.10.2.0/24 of host-3 (192.168.122.13): its subnet overlaps 10.10.2.0/24 of ' +
          'host-2 (192.168.122.12), which keeps it',
      ]);
    }
  });

  it('lead to ours rather than to a flannel node, and to a subnet of the usual size rather than another', () => {
    const config = only('ipv4');
    const gateway = (...leases: SubnetLease[]) =>
      hostWith(leases, { config }).routes.map((route) => route.gateway);
    expect(gateway(flannel(leaseOf(2)), twin)).toEqual(['192.168.122.13']);
    expect(gateway(leaseOf(2), v4({ subnet: '10.10.2.128/25' }))).toEqual(['192.168.122.12']);
    expect(gateway(leaseOf(2), v4({ subnet: '10.10.0.0/20' }), leaseOf(4))).toEqual([
      '192.168.122.12',
      '192.168.122.14',
    ]);
  });

  it('do not count when one of them cannot be reached anyway', () => {
    const far = v4({ subnet: '10.10.2.0/24', publicIp: '192.168.9.9' }, flannel(leaseOf(3)));
    expect(hostWith([far, flannel(leaseOf(2))], { config: only('ipv4') }).routes).toHaveLength(1);
  });

  it('may be of one host, which keeps one end of a tunnel; two hosts may not', () => {
    const config = only('ipv4', FALLBACK);
    const { ipv4 } = farLeaseOf(2);
    const again = farLeaseOf(3, { ipv4: { ...ipv4, subnet: '10.10.3.0/24' } });
    const same = { ...again, ipv4: { ...again.ipv4, subnet: '10.10.3.0/24', publicIp: '192.168.9.2' } };
    expect(hostWith([farLeaseOf(2), same], { config }).routes).toHaveLength(2);
    const { routes, problems } = hostWith([again, farLeaseOf(2)], { config });
    expect(routes.map(({ destination }) => destination)).toEqual(['10.10.2.0/24']);
    expect(problems).toEqual([
      expect.stringContaining('02:00:00:04:00:02 of its tunnel is also that of 10.10.2.0/24 of host-2'),
    ]);
  });
});

describe('two peers with one link-layer address', () => {
  it('are one of ours that keeps it, and a flannel node that is told of', () => {
    const config = only('ipv4', OVERLAY);
    const vtep = { vni: 1, mac: '02:00:00:04:00:02' };
    const thief = { ...flannel(v4({ vtep })), backendType: 'vxlan' };
    const ours = leaseOf(5, { ipv4: { subnet: '10.10.5.0/24', publicIp: '192.168.122.15', vtep } });
    const { routes, problems } = hostWith([thief, ours], { config });
    expect(routes.map(({ destination }) => destination)).toEqual(['10.10.5.0/24']);
    expect(problems).toEqual([
      expect.stringContaining('no route to subnet 10.10.3.0/24 of 192.168.122.13: the link-layer address'),
    ]);
  });
});
