import { CausewayError } from '@causeway/shared/errors';
import {
  effectiveConfig,
  fingerprintOf,
  fitsConfig,
  sameSubnets,
  subnetsOfLease,
} from '@causeway/shared/model/effective-config';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { FamilyNetwork, NetworkConfig } from '@causeway/shared/model/network';
import { completeNetworkConfig, isSubnetOf, subnetCount } from '@causeway/shared/model/network.schema';
import {
  blockHasBlock,
  formatBlock,
  formatIp,
  nthOfBlock,
  parseBlock,
  sizeOfBlock,
} from '@causeway/shared/net/block';
import { entriesOf, type Family } from '@causeway/shared/net/family';
import {
  decodeLease,
  decodeNetworkConfig,
  encodeLease,
  encodeNetworkConfig,
} from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const kv = (key: string, value: string) => ({ key, value, modRevision: 1, createRevision: 1, leaseId: '0' });

/** Few bases, many lengths, so that networks meet. */
const BASES: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['10.0.0.0', '10.10.0.0', '10.10.128.0', '172.16.0.0'],
  ipv6: ['fd00::', 'fd00:10::', 'fd00:10:0:80::', '2001:db8::'],
};
const LENGTHS = { ipv4: { min: 8, max: 26 }, ipv6: { min: 32, max: 120 } };

const family = (which: Family) =>
  fc
    .record({
      base: fc.constantFrom(...BASES[which]),
      length: fc.integer(LENGTHS[which]),
      more: fc.integer({ min: 2, max: 4 }),
      unasked: fc.boolean(),
    })
    .map(({ base, length, more, unasked }) => ({
      network: `${base}/${length}`,
      ...(unasked ? {} : { subnetLen: length + more }),
    }));

const backend = fc.oneof(
  fc.constantFrom({}, { type: 'vxlan' }, { fallback: 'vxlan' }),
  fc.record({
    type: fc.constant('vxlan'),
    vni: fc.integer({ min: 0, max: 0xff_ffff }),
    port: fc.integer({ min: 0, max: 65_535 }),
    mtu: fc.constantFrom(0, 1_400, 9_000),
    learning: fc.boolean(),
    gbp: fc.boolean(),
    directRouting: fc.boolean(),
  }),
);

const config: fc.Arbitrary<NetworkConfig> = fc
  .record({
    ipv4: fc.option(family('ipv4'), { nil: undefined }),
    ipv6: fc.option(family('ipv6'), { nil: undefined }),
    backend,
    masquerade: fc.boolean(),
    nonMasqueradeCidrs: fc.subarray(['192.168.0.0/16', 'fd00::/8', '0.0.0.0/0']),
    renumber: fc.constantFrom('', 'abcd0123'),
  })
  .filter(({ ipv4, ipv6 }) => ipv4 !== undefined || ipv6 !== undefined)
  .map(({ ipv4, ipv6, ...rest }) =>
    completeNetworkConfig({ ...rest, ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) }),
  );

/** A subnet of the network, or one before its first or after its last. */
function subnetAt(network: FamilyNetwork, n: number): string {
  const block = parseBlock(`${network.subnetMin}/${network.subnetLen}`);
  if (block === undefined) throw new Error('a network without a first subnet');
  const at = nthOfBlock(block, BigInt(n) * sizeOfBlock(block));
  return formatBlock({ ...block, base: at.value < 0n ? 0n : at.value });
}

function leasesOf(of: NetworkConfig, numbers: readonly number[]): SubnetLease[] {
  return numbers.map((n, i) => ({
    ...(of.ipv4 && { ipv4: { subnet: subnetAt(of.ipv4, n), publicIp: `192.0.2.${i + 1}` } }),
    ...(of.ipv6 && { ipv6: { subnet: subnetAt(of.ipv6, n), publicIp: `2001:db8:1::${i + 1}` } }),
    backendType: 'host-gw',
    node: { id: `id-${i}`, name: `host-${i}` },
  }));
}
const numbers = fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 5 });

describe('a network', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(config, (one) => {
        const read = decodeNetworkConfig(kv(keys.networkConfig, encodeNetworkConfig(one)));
        expect(read).toEqual(one);
        if (!(read instanceof CausewayError)) expect(fingerprintOf(read)).toBe(fingerprintOf(one));
      }),
    );
  });

  it('has bounds that are subnets of its own, and as many as it says', () => {
    fc.assert(
      fc.property(config, (one) => {
        for (const [, network] of entriesOf(one)) {
          const whole = parseBlock(network.network);
          const [first, last] = [network.subnetMin, network.subnetMax].map((ip) =>
            parseBlock(`${ip}/${network.subnetLen}`),
          );
          if (whole === undefined || first === undefined || last === undefined) throw new Error('no blocks');
          for (const block of [first, last]) {
            expect(blockHasBlock(whole, block)).toBe(true);
            expect(isSubnetOf(block, network)).toBe(true);
          }
          const count = subnetCount(network);
          expect(count).toBeGreaterThanOrEqual(3);
          if (count > Number.MAX_SAFE_INTEGER) continue;
          expect(formatIp(nthOfBlock(first, BigInt(count - 1) * sizeOfBlock(first)))).toBe(network.subnetMax);
        }
      }),
    );
  });
});

describe('a lease', () => {
  it('is the same after it was written and read, under the key that names it', () => {
    fc.assert(
      fc.property(config, numbers, (of, some) => {
        for (const lease of leasesOf(of, some)) {
          const key = keys.subnet(subnetsOfLease(lease));
          expect(decodeLease(kv(key, encodeLease(lease)))).toEqual(lease);
        }
      }),
    );
  });
});

describe('the configuration that hosts follow', () => {
  it('takes no host its subnet unless somebody confirmed that', () => {
    fc.assert(
      fc.property(config, config, numbers, numbers, (accepted, wanted, some, others) => {
        const leases = [...leasesOf(accepted, some), ...leasesOf(wanted, others)];
        const { config: followed, refused } = effectiveConfig({ config: wanted, accepted, leases });
        for (const lease of leases) {
          const subnets = subnetsOfLease(lease);
          if (fitsConfig(subnets, accepted)) expect(fitsConfig(subnets, followed)).toBe(true);
        }
        expect(followed).toBe(refused === undefined ? wanted : accepted);
        // Whoever sees the same keys in another order decides alike.
        expect(effectiveConfig({ config: wanted, accepted, leases: leases.toReversed() })).toEqual({
          config: followed,
          ...(refused && { refused }),
        });
        if (refused === undefined) return;
        expect(refused.hosts.length).toBeGreaterThan(0);
        const confirmed = { ...wanted, renumber: refused.fingerprint };
        expect(effectiveConfig({ config: confirmed, accepted, leases })).toEqual({ config: confirmed });
      }),
    );
  });

  it('is told apart by its fingerprint exactly where hosts get other subnets', () => {
    fc.assert(
      fc.property(config, config, (a, b) => {
        expect(fingerprintOf(a) === fingerprintOf(b)).toBe(sameSubnets(a, b));
      }),
    );
  });
});
