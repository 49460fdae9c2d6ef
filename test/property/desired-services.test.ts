import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firewallIntents } from '../../shared/src/desired/firewall.ts';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { ENDPOINT_STATES, type Endpoint, type EndpointSet } from '../../shared/src/model/endpoint.ts';
import { POLICIES, type ServiceSpec, WHEN_UNHEALTHY } from '../../shared/src/model/service.ts';
import type { Snapshot } from '../../shared/src/model/snapshot.ts';
import { blockHasBlock, familyOf, parseBlock } from '../../shared/src/net/block.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { follower } from '../../shared/src/sorted-map.ts';
import { DUAL_STACK, HOST_1, OWN, only, resolved, serviceSpec, snapshotOf } from '../support/desired-host.ts';

/** A small world, so that services meet: the same VIPs, NodePorts, endpoints, and some that none can be. */
const VIPS = [
  '10.96.0.1',
  '10.96.0.2',
  'fd00:96::1',
  'fd00:96:0::2',
  '10.10.7.7',
  'fd00:122::11',
  'x; y',
  '::ffff:1.2.3.4',
];
const ADDRESSES = ['10.10.1.2', '10.10.2.2', 'fd00:10:0:1::2', 'fd00:10:0:2:0::2', '10.96.0.1', '$(id)'];
const RANGES = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '192.0.2.9/24',
  'fd00::/8',
  '::/0',
  'FD99::1/64',
  '10.0.0.1',
  '::ffff:0:0/96',
];
const HOSTS = ['host-1', 'host-2', 'host-3'];

const anyEndpoint: fc.Arbitrary<Endpoint> = fc
  .record(
    {
      address: fc.constantFrom(...ADDRESSES),
      portName: fc.constantFrom('', 'dns'),
      state: fc.constantFrom(...ENDPOINT_STATES),
      weight: fc.constantFrom(0, 1, 1, 7, 100, -1),
      node: fc.constantFrom(...HOSTS),
    },
    { requiredKeys: ['address', 'portName'] },
  )
  .map(({ address, ...more }) => resolved(address, 80, more));

const port = fc.record(
  {
    name: fc.constantFrom('', 'dns'),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    port: fc.constantFrom(80, 53),
    targetPort: fc.constant(80),
    nodePort: fc.constantFrom(30001, 30002),
  },
  { requiredKeys: ['name', 'protocol', 'port', 'targetPort'] },
);

const anySpec = (name: string): fc.Arbitrary<ServiceSpec> =>
  fc
    .record(
      {
        vips: fc.subarray(VIPS, { maxLength: 2 }),
        families: fc.subarray([...FAMILIES], { minLength: 1 }),
        ports: fc.array(port, { minLength: 1, maxLength: 2 }),
        affinity: fc.constant('client' as const),
        internalPolicy: fc.constantFrom(...POLICIES),
        externalPolicy: fc.constantFrom(...POLICIES),
        sourceRanges: fc.subarray(RANGES, { maxLength: 3 }),
        publishNotReady: fc.boolean(),
        whenUnhealthy: fc.constantFrom(...WHEN_UNHEALTHY),
      },
      { requiredKeys: ['vips', 'families', 'ports'] },
    )
    .map((more) => serviceSpec(name, more));

interface World {
  readonly specs: readonly ServiceSpec[];
  readonly sets: ReadonlyMap<string, EndpointSet>;
}

const NAMES = ['a', 'b', 'c', 'd'];
const anyWorld: fc.Arbitrary<World> = fc.subarray(NAMES).chain((names) =>
  fc
    .tuple(
      fc.tuple(...names.map(anySpec)),
      fc.tuple(...names.map(() => fc.array(anyEndpoint, { maxLength: 6 }))),
    )
    .map(([specs, sets]) => ({
      specs,
      sets: new Map(
        names.map((service, i) => [service, { service, endpoints: sets[i] ?? [], unresolved: [] }]),
      ),
    })),
);

const anySituation = fc.record({
  config: fc.constantFrom(DUAL_STACK, DUAL_STACK, only('ipv4'), only('ipv6')),
  host: fc.constantFrom(...HOSTS),
  nodePortCidrs: fc.constantFrom(undefined, [], ['192.168.122.0/24'], ['fd00:122::/64', '0.0.0.0/0']),
});
type Situation = typeof anySituation extends fc.Arbitrary<infer T> ? T : never;

function snapshotIn({ specs, sets }: World, { config, nodePortCidrs }: Situation): Snapshot {
  const { settings } = snapshotOf();
  const asked = nodePortCidrs === undefined ? {} : { nodePortCidrs };
  return snapshotOf({
    config,
    services: specs,
    endpoints: sets,
    settings: { ...settings, ...asked },
  });
}

const hostIn = (world: World, situation: Situation) =>
  firewallIntents(snapshotIn(world, situation), { ...HOST_1, name: situation.host }, OWN);

/** Each service of each packet filter, beside what it was made from. */
function everyService(
  numRuns: number,
  check: (
    intent: ServiceIntent,
    spec: ServiceSpec,
    all: readonly Endpoint[],
    family: Family,
    host: string,
  ) => void,
): void {
  fc.assert(
    fc.property(anyWorld, anySituation, (world, situation) => {
      for (const { family, services } of hostIn(world, situation).intents)
        for (const intent of services) {
          const [name = '', portName = ''] = intent.id.split(':');
          const spec = world.specs.find((one) => one.name === name);
          if (spec === undefined) throw new Error(`nobody asked for ${name}`);
          const endpoints = world.sets.get(name)?.endpoints ?? [];
          check(
            intent,
            spec,
            endpoints.filter((one) => one.portName === portName),
            family,
            situation.host,
          );
        }
    }),
    { numRuns },
  );
}

/** The first that names a place, of those that can be one. */
function usable(all: readonly Endpoint[], { vips }: ServiceSpec, family: Family): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const one of all)
    if (familyOf(one.address) === family && !vips.includes(one.address) && one.weight !== -1)
      if (!found.has(one.address)) found.set(one.address, one);
  return [...found.values()].filter(({ weight, state }) => weight !== 0 && state !== 'drained');
}

function mostReady(all: readonly Endpoint[], spec: ServiceSpec): readonly number[] {
  const rank = ({ state = 'ready' }: Endpoint) => (spec.publishNotReady ? 0 : ENDPOINT_STATES.indexOf(state));
  const best = Math.min(...all.map(rank));
  const taking = best === 2 && spec.whenUnhealthy !== 'open' ? [] : all.filter((one) => rank(one) === best);
  return taking.map(({ weight = 1 }) => weight).sort();
}

const weights = (all: ServiceIntent['endpoints']) => all.map(({ weight }) => weight).sort();

describe('whatever is asked of services', () => {
  it('those take connections that are the most ready, of the family, and of the host where a policy is local', () => {
    everyService(2_000, (intent, spec, all, family, host) => {
      const places = usable(all, spec, family);
      expect(weights(intent.endpoints)).toEqual(mostReady(places, spec));
      const isLocal = intent.internalPolicy === 'local' || intent.externalPolicy === 'local';
      const here = isLocal ? places.filter(({ node }) => node === host) : [];
      expect(weights(intent.localEndpoints)).toEqual(mostReady(here, spec));
      if (intent.endpoints.length === 0) expect(intent.localEndpoints).toEqual([]);
      for (const { address, weight } of [...intent.endpoints, ...intent.localEndpoints])
        expect([familyOf(address), weight > 0]).toEqual([family, true]);
    });
  });

  it('source ranges are of the family, apart from each other, and never more than were given', () => {
    everyService(1_000, ({ sourceRanges }, { sourceRanges: asked = [] }, _, family) => {
      const blocks = (sourceRanges ?? []).map((text) => parseBlock(text));
      const given = asked.map((text) => parseBlock(text)).filter((block) => block?.family === family);
      if (sourceRanges === undefined)
        expect(asked.length === 0 || given.some((block) => block?.length === 0)).toBe(true);
      for (const [i, block] of blocks.entries()) {
        expect(given).toContainEqual(block);
        for (const [j, other] of blocks.entries())
          if (i !== j && block !== undefined && other !== undefined)
            expect(blockHasBlock(block, other)).toBe(false);
      }
    });
  });

  it('nothing is claimed twice in a family, and what is left out is told', () => {
    fc.assert(
      fc.property(anyWorld, anySituation, (world, situation) => {
        const { intents, problems } = hostIn(world, situation);
        for (const { services } of intents)
          expect(claimed(services)).toEqual([...new Set(claimed(services))]);
        const fronts = world.specs.flatMap((spec) =>
          spec.ports.flatMap(() => (spec.vips.length === 0 ? spec.families : spec.vips)),
        );
        const out = problems.filter((text) => /^service "[^"]+" is left out: /.test(text));
        expect(held(intents) + out.length).toBe(fronts.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('what is remembered from other worlds, and of other hosts, changes nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyWorld, fc.subarray(NAMES), fc.subarray(NAMES), anySituation), {
          minLength: 2,
          maxLength: 5,
        }),
        (steps) => {
          let last: World = { specs: [], sets: new Map() };
          const shared = follower((set: EndpointSet) => set);
          for (const [next, keptSpecs, keptSets, situation] of steps) {
            last = merged(last, next, keptSpecs, keptSets);
            const told = { ...last, sets: shared(last.sets) };
            expect(hostIn(told, situation)).toEqual(
              hostIn(structuredClone(last), structuredClone(situation)),
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

function held(intents: readonly FirewallIntent[]): number {
  return intents.reduce((sum, { services }) => sum + services.length, 0);
}

function claimed(services: readonly ServiceIntent[]): readonly string[] {
  return services.flatMap(({ id, vip, protocol, port: number, nodePort }) => [
    ...[id, ...(vip === undefined ? [] : [`${vip} ${protocol} ${number}`])],
    ...(nodePort === undefined ? [] : [`${protocol} ${nodePort}`]),
  ]);
}

/** The next world, in which some objects are those of the last one, as a snapshot keeps what did not change. */
function merged(last: World, next: World, keptSpecs: readonly string[], keptSets: readonly string[]): World {
  const specs = next.specs.map(
    (spec) => (keptSpecs.includes(spec.name) && last.specs.find(({ name }) => name === spec.name)) || spec,
  );
  const sets = [...next.sets].map(
    ([name, set]) => [name, (keptSets.includes(name) && last.sets.get(name)) || set] as const,
  );
  return { specs, sets: new Map(sets) };
}
