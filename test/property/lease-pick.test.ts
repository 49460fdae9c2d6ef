import { freeSubnets, type PickInput, pickSubnet } from '@causeway/node-agent/lease/pick';
import type { FamilyNetwork } from '@causeway/shared/model/network';
import { completeNetworkConfig, isSubnetOf, subnetCount } from '@causeway/shared/model/network.schema';
import {
  type Block,
  bitsOf,
  blockAt,
  blockHasBlock,
  blocksOverlap,
  formatBlock,
  formatIp,
  nthOfBlock,
  parseBlock,
} from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const LIMITS: Readonly<
  Record<Family, { readonly base: bigint; readonly shortest: number; readonly longest: number }>
> = {
  ipv4: { base: 10n << 24n, shortest: 8, longest: 30 },
  ipv6: { base: 0xfd00n << 112n, shortest: 16, longest: 126 },
};

interface Net {
  readonly family: Family;
  readonly network: FamilyNetwork;
}

/** A network of any size in either family, with a subnet length and bounds that fit it. */
const nets: fc.Arbitrary<Net> = fc
  .record({
    family: fc.constantFrom<Family>('ipv4', 'ipv6'),
    size: fraction,
    offset: fraction,
    more: fc.integer({ min: 2, max: 8 }),
    bounds: fc.tuple(fraction, fraction),
  })
  .map(({ family, size, offset, more, bounds }) => {
    const { base, shortest, longest } = LIMITS[family];
    const length = shortest + Math.floor(size * (longest - 1 - shortest));
    const subnetLen = Math.min(longest, length + more);
    const within = scale(offset, 1n << BigInt(bitsOf(family) - shortest));
    const block = blockAt({ family, value: base + within }, length);
    const count = 1n << BigInt(subnetLen - length);
    const [low = 0n, high = 0n] = bounds
      .map((part) => scale(part, count))
      .toSorted((a, b) => (a < b ? -1 : 1));
    const nth = (n: bigint) => formatIp(nthOfBlock(block, n << BigInt(bitsOf(family) - subnetLen)));
    const input = { network: formatBlock(block), subnetLen, subnetMin: nth(low), subnetMax: nth(high) };
    const network = completeNetworkConfig({ [family]: input })[family];
    if (network === undefined) throw new Error('the family is not there');
    return { family, network };
  });

function scale(part: number, by: bigint): bigint {
  return (BigInt(Math.floor(part * 2 ** 52)) * by) >> 52n;
}

/** Blocks near a network's subnets: in it and beside it, as long as a subnet, longer and shorter. */
function near({ family, network }: Net): fc.Arbitrary<Block> {
  const base = parseBlock(network.network)?.base ?? 0n;
  const size = 1n << BigInt(bitsOf(family) - network.subnetLen);
  const most = Math.min(400, 2 * subnetCount(network) + 2);
  return fc
    .record({ offset: fc.nat({ max: most }), longer: fc.constantFrom(0, 0, 0, 1, -1, -3) })
    .map(({ offset, longer }) =>
      blockAt(
        { family, value: base + BigInt(offset) * size },
        Math.min(bitsOf(family), network.subnetLen + longer),
      ),
    );
}

const inputs: fc.Arbitrary<PickInput> = nets.chain((net) =>
  fc.record({
    network: fc.constant(net.network),
    taken: fc.array(
      fc.oneof({ weight: 9, arbitrary: near(net) }, { weight: 1, arbitrary: nets.chain(near) }),
      {
        maxLength: 60,
      },
    ),
    wanted: fc.array(fc.oneof(near(net).map(formatBlock), fc.constantFrom('x', '10.0.0.1/24', 'fd00::')), {
      maxLength: 4,
    }),
    random: fraction,
  }),
);

it('never picks what touches a block of somebody else, always what a host can lease', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const text = pickSubnet(input);
      if (text === undefined) return;
      const picked = parseBlock(text);
      if (picked === undefined) throw new Error(`${text} is no block`);
      expect(formatBlock(picked)).toBe(text);
      expect(isSubnetOf(picked, input.network)).toBe(true);
      const network = parseBlock(input.network.network);
      expect(network !== undefined && blockHasBlock(network, picked)).toBe(true);
      expect(input.taken.filter((other) => blocksOverlap(other, picked))).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

it('the same input gives the same answer, in whatever order the others are listed', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const picked = pickSubnet(input);
      expect(pickSubnet(input)).toBe(picked);
      expect(pickSubnet({ ...input, taken: input.taken.toReversed() })).toBe(picked);
      expect(pickSubnet({ ...input, taken: [...input.taken, ...input.taken] })).toBe(picked);
    }),
    { numRuns: 500 },
  );
});

it('picks what is wanted first among what is free, whatever the random number', () => {
  fc.assert(
    fc.property(inputs, fraction, (input, random) => {
      const picked = pickSubnet(input);
      if (picked === undefined) return;
      expect(pickSubnet({ ...input, wanted: [picked], random })).toBe(picked);
    }),
    { numRuns: 500 },
  );
});

it('finds a free one exactly if there is one, and counts them right', () => {
  const small = nets.filter(({ network }) => subnetCount(network) <= 64);
  const crowded = small.chain((net) => fc.tuple(fc.constant(net), fc.array(near(net), { maxLength: 40 })));
  fc.assert(
    fc.property(crowded, fraction, ([{ family, network }, taken], random) => {
      const [min] = [parseBlock(`${network.subnetMin}/${network.subnetLen}`)];
      const size = 1n << BigInt(bitsOf(family) - network.subnetLen);
      const all = Array.from(
        { length: subnetCount(network) },
        (_, n): Block => ({
          ...{ family, length: network.subnetLen, base: (min?.base ?? 0n) + BigInt(n) * size },
        }),
      );
      const free = all.filter((block) => !taken.some((other) => blocksOverlap(other, block)));
      const found = freeSubnets(network, taken);
      expect(found.count).toBe(BigInt(free.length));
      expect(free.map((_, n) => found.nth(BigInt(n)))).toEqual(free);
      const picked = pickSubnet({ network, taken, wanted: [], random });
      if (free.length === 0) expect(picked).toBeUndefined();
      else expect(free.map(formatBlock)).toContain(picked);
    }),
    { numRuns: 500 },
  );
});

it('gives every subnet once to as many hosts as there are subnets, then none', () => {
  const small = nets.filter(({ network }) => subnetCount(network) <= 256);
  fc.assert(
    fc.property(small, fc.infiniteStream(fraction), ({ network }, random) => {
      const taken: Block[] = [];
      for (let host = 0; host < subnetCount(network); host++) {
        const picked = parseBlock(
          pickSubnet({ network, taken, wanted: [], random: random.next().value }) ?? '',
        );
        if (picked === undefined) throw new Error('a free subnet was not found');
        taken.push(picked);
      }
      expect(new Set(taken.map(formatBlock)).size).toBe(subnetCount(network));
      expect(pickSubnet({ network, taken, wanted: [], random: 0 })).toBeUndefined();
    }),
    { numRuns: 60 },
  );
});
