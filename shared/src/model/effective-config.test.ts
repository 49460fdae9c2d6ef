import { describe, expect, it } from 'vitest';
import { effectiveConfig, fingerprintOf, fitsConfig, sameSubnets } from './effective-config.ts';
import type { SubnetLease } from './lease.ts';
import { completeNetworkConfig, type NetworkInput } from './network.schema.ts';

const config = (input: NetworkInput) => completeNetworkConfig(input);
const ten = config({ ipv4: { network: '10.10.0.0/16' } });
const eleven = config({ ipv4: { network: '10.11.0.0/16' } });
const dual = config({ ipv4: { network: '10.10.0.0/16' }, ipv6: { network: 'fd00:10::/48' } });

const lease = (name: string | undefined, ipv4?: string, ipv6?: string): SubnetLease => ({
  ...(ipv4 === undefined ? {} : { ipv4: { subnet: ipv4 } }),
  ...(ipv6 === undefined ? {} : { ipv6: { subnet: ipv6 } }),
  backendType: 'host-gw',
  ...(name === undefined ? {} : { node: { id: name, name } }),
});
const one = lease('host-1', '10.10.1.0/24');

describe('effectiveConfig', () => {
  it('follows etcd when nothing was followed yet', () => {
    expect(effectiveConfig({ config: eleven, leases: [one] })).toEqual({ config: eleven });
  });

  it('refuses what would renumber a host, and says whom, what holds and what to do', () => {
    const leases = [lease(undefined, '10.10.9.0/24'), lease('host-2', '10.10.2.0/24'), one];
    const { config: followed, refused } = effectiveConfig({ config: eleven, accepted: ten, leases });
    expect(followed).toBe(ten);
    expect(refused).toMatchObject({
      hosts: ['10.10.9.0/24', 'host-1', 'host-2'],
      fingerprint: fingerprintOf(eleven),
    });
    expect(refused?.reason).toBe(
      "the network's configuration in etcd, 10.11.0.0/16 in subnets of /24 from 10.11.1.0 to 10.11.255.0, is not " +
        'followed: it would renumber 3 hosts (10.10.9.0/24, host-1, host-2), and nobody has confirmed that; ' +
        '10.10.0.0/16 in subnets of /24 from 10.10.1.0 to 10.10.255.0 holds until `svcctl network confirm`',
    );
  });

  it('names few of many hosts', () => {
    const leases = Array.from({ length: 9 }, (_, i) => lease(`host-${i}`, `10.10.${i + 1}.0/24`));
    const { refused } = effectiveConfig({ config: eleven, accepted: ten, leases });
    expect(refused?.reason).toContain('9 hosts (host-0, host-1, host-2 and 6 more)');
    expect(refused?.hosts).toHaveLength(9);
  });

  it('follows it when its own fingerprint confirms it, and no other', () => {
    const confirmed = { ...eleven, renumber: fingerprintOf(eleven) };
    expect(effectiveConfig({ config: confirmed, accepted: ten, leases: [one] })).toEqual({
      config: confirmed,
    });
    const stale = { ...eleven, renumber: fingerprintOf(ten) };
    expect(effectiveConfig({ config: stale, accepted: ten, leases: [one] }).config).toBe(ten);
  });

  it.each([
    ['a family more', dual],
    ['another backend', config({ ipv4: { network: '10.10.0.0/16' }, backend: { type: 'vxlan' } })],
    ['no masquerading', config({ ipv4: { network: '10.10.0.0/16' }, masquerade: false })],
    ['bounds that the hosts are in', config({ ipv4: { network: '10.10.0.0/16', subnetMax: '10.10.1.0' } })],
    ['a larger network with the same subnets', config({ ipv4: { network: '10.0.0.0/8', subnetLen: 24 } })],
  ])('follows at once what leaves the hosts their subnets: %s', (_what, changed) => {
    expect(effectiveConfig({ config: changed, accepted: ten, leases: [one] })).toEqual({ config: changed });
  });

  it.each([
    ['another length', config({ ipv4: { network: '10.10.0.0/16', subnetLen: 26 } })],
    ['bounds that a host is out of', config({ ipv4: { network: '10.10.0.0/16', subnetMin: '10.10.2.0' } })],
    ['a family less', config({ ipv6: { network: 'fd00:10::/48' } })],
  ])('refuses %s', (_what, changed) => {
    expect(effectiveConfig({ config: changed, accepted: ten, leases: [one] }).refused?.hosts).toEqual([
      'host-1',
    ]);
  });

  it('refuses to take one of two families away', () => {
    const both = lease('host-1', '10.10.1.0/24', 'fd00:10:0:1::/64');
    expect(effectiveConfig({ config: ten, accepted: dual, leases: [both] }).config).toBe(dual);
  });

  it('does not wait for those who have no subnet of the network anyway', () => {
    const stray = lease('host-1', '172.16.1.0/24');
    expect(effectiveConfig({ config: eleven, accepted: ten, leases: [stray] }).config).toBe(eleven);
    expect(effectiveConfig({ config: eleven, accepted: ten, leases: [] }).config).toBe(eleven);
  });
});

describe('fingerprintOf', () => {
  it('is of what decides over subnets, and of nothing else', () => {
    const again = config({
      ipv4: { network: '10.10.3.4/16', subnetLen: 24 },
      backend: { type: 'vxlan' },
      masquerade: false,
      renumber: 'x',
    });
    expect(fingerprintOf(again)).toBe(fingerprintOf(ten));
    expect(sameSubnets(again, ten)).toBe(true);
    // Operators write it into etcd: it is the same for every version.
    expect(fingerprintOf(ten)).toMatchInlineSnapshot(`"cd8616fd"`);
    expect(new Set([ten, eleven, dual].map(fingerprintOf)).size).toBe(3);
  });
});

describe('fitsConfig', () => {
  it.each([
    [{ ipv4: '10.10.1.0/24' }, ten, true],
    [{ ipv4: '10.10.1.0/24' }, dual, true],
    [{}, dual, true],
    [{ ipv4: '10.10.0.0/24' }, ten, false],
    [{ ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' }, dual, true],
    [{ ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' }, ten, false],
    [{ ipv4: '10.10.1.0/24', ipv6: 'fd00:10::/64' }, dual, false],
    [{ ipv4: 'fd00:10:0:1::/64' }, dual, false],
    [{ ipv4: 'x' }, dual, false],
  ])('%j', (subnets, of, expected) => expect(fitsConfig(subnets, of)).toBe(expected));
});
