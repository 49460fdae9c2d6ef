import { describe, expect, it } from 'vitest';
import { DUAL_STACK, HOST_1, leaseOf, OWN, snapshotOf } from '../../../test/support/desired-host.ts';
import { desiredHost } from './index.ts';

describe('desiredHost', () => {
  it('has the gateways on the bridge', () => {
    const { bridge, problems } = desiredHost(snapshotOf(), HOST_1, OWN);
    expect(bridge).toEqual({
      name: 'cwy0',
      addresses: ['10.10.1.1/24', 'fd00:10:0:1::1/64'],
      mtu: 1500,
    });
    expect(problems).toEqual([]);
  });

  it('has neither without a subnet: it waits for one, or was fenced', () => {
    const { bridge, firewalls, routes } = desiredHost(snapshotOf({ leases: [leaseOf(2)] }), HOST_1, {});
    expect(bridge.addresses).toEqual([]);
    expect(firewalls.map((one) => 'subnet' in one)).toEqual([false, false]);
    expect(routes).toHaveLength(2);
  });

  it('refuses a subnet that is none', () => {
    for (const [own, text] of [
      [{ ipv4: '10.10.1.0' }, 'subnet "10.10.1.0" is no IPv4 CIDR'],
      [{ ipv6: '10.10.1.0/24' }, 'subnet "10.10.1.0/24" is no IPv6 CIDR'],
    ] as const)
      expect(() => desiredHost(snapshotOf(), HOST_1, own)).toThrow(text);
  });

  it('has a packet filter per family, with the destinations of its own that are not masqueraded', () => {
    const nonMasqueradeCidrs = ['192.0.2.7/24', 'fd99::/16', '10.0.0.0/8', '192.0.2.0/24', 'x'];
    const config = { ...DUAL_STACK, masquerade: false, nonMasqueradeCidrs };
    const { firewalls, problems } = desiredHost(snapshotOf({ config }), HOST_1, OWN);
    const shared = {
      bridge: 'cwy0',
      mark: 0x2000,
      masquerade: false,
      nodePortCidrs: [],
      services: [],
      published: [],
      policies: [],
    };
    expect(firewalls).toEqual([
      {
        ...{ ...shared, family: 'ipv4', network: '10.10.0.0/16', subnet: '10.10.1.0/24' },
        ...{ nonMasqueradeCidrs: ['10.0.0.0/8', '192.0.2.0/24'], serviceRange: '10.96.0.0/16' },
      },
      {
        ...{ ...shared, family: 'ipv6', network: 'fd00:10::/48', subnet: 'fd00:10:0:1::/64' },
        ...{ nonMasqueradeCidrs: ['fd99::/16'], serviceRange: 'fd00:96::/112' },
      },
    ]);
    expect(problems).toEqual(['nonMasqueradeCIDRs: "x" is left out: it is no CIDR']);
  });
});
