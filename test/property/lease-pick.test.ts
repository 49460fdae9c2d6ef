import { type PickInput, pickSubnet } from '@causeway/node-agent/lease/pick';
import { completeNetworkConfig, subnetCount } from '@causeway/shared/model/network.schema';
import {
  containsCidr,
  formatAddress,
  formatCidr,
  overlaps,
  parseAddress,
  parseCidr,
} from '@causeway/shared/net/cidr';
import fc from 'fast-check';
import { expect, it } from 'vitest';

/** A network of any size, a SubnetLen and bounds that fit it. */
const configs = fc
  .record({
    length: fc.integer({ min: 8, max: 28 }),
    base: fc.nat({ max: 0xff_ffff }),
    more: fc.integer({ min: 2, max: 8 }),
    bounds: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map(({ length, base, more, bounds }) => {
    const network = `${formatAddress(0x0a00_0000 + base)}/${length}`;
    const subnetLen = Math.min(30, length + more);
    const parsed = parseCidr(network) ?? { base: 0, length: 0 };
    const count = 2 ** (subnetLen - length);
    const [low, high] = bounds.map((part) => Math.floor(part * (count - 1))).toSorted((a, b) => a - b);
    const nth = (n: number) => formatAddress(parsed.base + n * 2 ** (32 - subnetLen));
    return completeNetworkConfig({
      network,
      subnetLen,
      subnetMin: nth(low ?? 0),
      subnetMax: nth(high ?? 0),
    });
  });

const owners = fc.constantFrom('me', 'a', 'b', undefined);

/** A configuration with leases in it, some of other lengths and some outside. */
const inputs: fc.Arbitrary<PickInput> = configs.chain((config) => {
  const base = parseCidr(config.network)?.base ?? 0;
  const subnets = fc
    .record({
      offset: fc.nat({ max: Math.min(400, 2 * subnetCount(config)) }),
      longer: fc.constantFrom(0, 0, 0, 1, -1),
    })
    .map(({ offset, longer }) => {
      const length = Math.min(32, Math.max(1, config.subnetLen + longer));
      const cidr = parseCidr(`${formatAddress(base + offset * 2 ** (32 - config.subnetLen))}/${length}`);
      return cidr === undefined ? config.network : formatCidr(cidr);
    });
  return fc.record(
    {
      config: fc.constant(config),
      taken: fc.array(
        fc
          .tuple(subnets, owners, fc.constantFrom('1.1.1.1', '2.2.2.2'))
          .map(([subnet, ownerId, publicIp]) => ({
            subnet,
            publicIp,
            ...(ownerId === undefined ? {} : { ownerId }),
          })),
        { maxLength: 60 },
      ),
      me: fc.constant({ id: 'me', publicIp: '1.1.1.1' }),
      lastSubnet: subnets,
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    },
    { requiredKeys: ['config', 'taken', 'me', 'random'] },
  );
});

const foreign = ({ taken, me }: PickInput) =>
  taken.filter((one) => (one.ownerId === undefined ? one.publicIp !== me.publicIp : one.ownerId !== me.id));

it('never picks what overlaps a subnet of somebody else', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const picked = parseCidr(pickSubnet(input)?.subnet ?? '');
      if (picked === undefined) return;
      for (const other of foreign(input)) {
        const cidr = parseCidr(other.subnet);
        expect(cidr !== undefined && overlaps(cidr, picked)).toBe(false);
      }
    }),
    { numRuns: 1000 },
  );
});

it('always picks inside the network, between SubnetMin and SubnetMax, of the configured length', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const picked = parseCidr(pickSubnet(input)?.subnet ?? '');
      if (picked === undefined) return;
      const network = parseCidr(input.config.network);
      expect(network !== undefined && containsCidr(network, picked)).toBe(true);
      expect(picked.length).toBe(input.config.subnetLen);
      expect(picked.base).toBeGreaterThanOrEqual(parseAddress(input.config.subnetMin) ?? Number.NaN);
      expect(picked.base).toBeLessThanOrEqual(parseAddress(input.config.subnetMax) ?? Number.NaN);
    }),
    { numRuns: 1000 },
  );
});

it('is stable: having leased what it picked, it picks that again whatever the random number', () => {
  fc.assert(
    fc.property(inputs, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (input, random) => {
      const first = pickSubnet(input);
      if (first === undefined) return;
      const taken = [...foreign(input), { subnet: first.subnet, ownerId: 'me', publicIp: '9.9.9.9' }];
      expect(pickSubnet({ ...input, taken, random })).toEqual({ subnet: first.subnet, source: 'own' });
    }),
    { numRuns: 1000 },
  );
});

it('gives every subnet once to as many hosts as there are subnets, then none', () => {
  fc.assert(
    fc.property(
      configs,
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (config, random) => {
        const taken: { subnet: string; ownerId: string }[] = [];
        for (let host = 0; host < subnetCount(config); host++) {
          const me = { id: `${host}`, publicIp: '1.1.1.1' };
          const picked = pickSubnet({ config, taken, me, random: random.next().value });
          expect(picked).toBeDefined();
          taken.push({ subnet: picked?.subnet ?? '', ownerId: me.id });
        }
        expect(new Set(taken.map((one) => one.subnet)).size).toBe(subnetCount(config));
        expect(
          pickSubnet({ config, taken, me: { id: 'late', publicIp: '1.1.1.1' }, random: 0 }),
        ).toBeUndefined();
      },
    ),
    { numRuns: 60 },
  );
});
