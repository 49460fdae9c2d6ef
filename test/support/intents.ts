import fc from 'fast-check';
import type {
  EndpointIntent,
  FirewallIntent,
  PolicyIntent,
  ServiceIntent,
} from '../../shared/src/desired/intent.ts';
import { DEFAULT_MARK } from '../../shared/src/names.ts';
import type { Family } from '../../shared/src/net/family.ts';
import { anyNetworkPolicies } from './any-network-policies.ts';
import { anyPolicies, NODE_PORT_CIDRS } from './any-policies.ts';
import { anyPublished } from './any-published.ts';

/** The container network, this host's share of it, and the range of VIPs. */
export const WORLD = {
  ipv4: { network: '10.10.0.0/16', subnet: '10.10.1.0/24', serviceRange: '10.96.0.0/16' },
  ipv6: { network: 'fd00:10::/48', subnet: 'fd00:10:0:1::/64', serviceRange: 'fd00:96::/112' },
} as const satisfies Record<Family, unknown>;

/** An intent with these services, sorted as `desired/firewall` sorts them. */
export function intentOf(services: readonly ServiceIntent[], family: Family = 'ipv4'): FirewallIntent {
  return {
    family,
    ...WORLD[family],
    bridge: 'cwy0',
    mark: DEFAULT_MARK,
    masquerade: true,
    nonMasqueradeCidrs: [],
    nodePortCidrs: [],
    published: [],
    policies: [],
    services: [...services].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** One that gets its share of new connections. @param port and by default that of all example endpoints */
export function endpoint(address: string, port = 12345, weight = 1): EndpointIntent {
  return { address, port, weight };
}

/**
 * A service that leaves everything as it is by default: drawn anew, from the whole cluster, by everybody. It is put
 * together as `desired/service.ts` does, so that V8 sees one shape: ten thousand of many shapes are read ten times slower.
 */
export function serviceIntent(asked: Pick<ServiceIntent, 'id'> & Partial<ServiceIntent>): ServiceIntent {
  const { id, vip, nodePort, keeping, drained, sourceRanges } = asked;
  return {
    id,
    ...(vip === undefined ? {} : { vip }),
    protocol: asked.protocol ?? 'tcp',
    port: asked.port ?? 80,
    ...(nodePort === undefined ? {} : { nodePort }),
    endpoints: asked.endpoints ?? [],
    internalPolicy: asked.internalPolicy ?? 'cluster',
    externalPolicy: asked.externalPolicy ?? 'cluster',
    localEndpoints: asked.localEndpoints ?? [],
    ...(keeping === undefined ? {} : { keeping }),
    ...(drained === undefined ? {} : { drained }),
    affinity: asked.affinity ?? false,
    ...(sourceRanges === undefined ? {} : { sourceRanges }),
  };
}

/** The service of the source text: 2.2.2.2:88 and NodePort 30001 on two endpoints. */
export const TEST_SERVICE: ServiceIntent = serviceIntent({
  ...{ id: 'test-service1', vip: '2.2.2.2', port: 88, nodePort: 30001 },
  endpoints: [endpoint('10.10.1.2'), endpoint('10.10.2.2')],
});

/** The same in either family. */
export function testService(family: Family): ServiceIntent {
  if (family === 'ipv4') return TEST_SERVICE;
  const endpoints = [endpoint('fd00:10:0:1::2'), endpoint('fd00:10:0:2::2')];
  return { ...TEST_SERVICE, vip: '2001:db8::2', endpoints };
}

/** Two containers' policy that needs all that a policy can need: peers, ports, wide ranges, a rate, what is asked for. */
export function testPolicy(family: Family): PolicyIntent {
  const [network, host, everybody] =
    family === 'ipv4'
      ? ['10.10.0.0/16', '192.0.2.1/32', '0.0.0.0/0']
      : ['fd00:10::/48', '2001:db8::1/128', '::/0'];
  const subjects = family === 'ipv4' ? ['10.10.1.2', '10.10.1.3'] : ['fd00:10:0:1::2', 'fd00:10:0:1::3'];
  const web = { cidr: network, protocol: 'tcp', firstPort: 80, lastPort: 81 } as const;
  return {
    ...{ id: '5f3a', subjects },
    ingress: {
      default: 'deny',
      deny: [{ cidr: host }],
      allow: [web, { cidr: everybody, protocol: 'udp', firstPort: 5000, lastPort: 6000 }],
      limited: [
        { matches: [{ cidr: everybody, protocol: 'tcp' }], connections: 25, per: 'minute', burst: 100 },
      ],
    },
    egress: { default: 'allow', deny: [{ ...web, lastPort: 80 }], allow: [], limited: [] },
  };
}

/** N services with two endpoints each. */
export function manyServices(n: number, family: Family = 'ipv4'): ServiceIntent[] {
  const vip = (i: number) =>
    family === 'ipv4' ? `10.96.${i >> 8}.${i & 255}` : `fd00:96::${(i + 1).toString(16)}`;
  const address = (i: number, n: number) =>
    family === 'ipv4' ? `10.10.${(i % 200) + 1}.${n}` : `fd00:10:0:${((i % 200) + 1).toString(16)}::${n}`;
  return Array.from({ length: n }, (_, i) =>
    serviceIntent({
      ...{ id: `s-${String(i).padStart(6, '0')}`, vip: vip(i), port: 8088 },
      endpoints: [endpoint(address(i, 2), 8080), endpoint(address(i, 3), 8080)],
    }),
  );
}

/** What random services share. */
const SMALL_WORLD = {
  ipv4: {
    vips: ['2.2.2.2', '10.96.0.1', '10.96.7.7'],
    endpoints: ['10.10.1.2', '10.10.1.3', '10.10.2.2', '10.10.3.9', '192.168.122.13'],
    subnets: ['10.10.1.0/24', '10.10.2.0/24'],
    kept: ['10.0.0.0/8', '192.0.2.1/32'],
  },
  ipv6: {
    vips: ['2001:db8::2', 'fd00:96::1', 'fd00:96::7:7'],
    endpoints: ['fd00:10:0:1::2', 'fd00:10:0:1::3', 'fd00:10:0:2::2', 'fd00:10:0:3::9', 'fd00:122::13'],
    subnets: ['fd00:10:0:1::/64', 'fd00:10:0:2::/64'],
    kept: ['fd00::/8', '2001:db8::1/128'],
  },
} as const;

/**
 * Services from a small world, so that two random intents share ids, VIPs and endpoints often; frontends are
 * unique by construction: a service's index is in its port.
 */
const service = (index: number, family: Family): fc.Arbitrary<ServiceIntent> =>
  fc
    .record({
      vip: fc.option(fc.constantFrom<string>(...SMALL_WORLD[family].vips), { nil: undefined }),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
      shift: fc.integer({ min: 0, max: 1 }),
      nodePort: fc.boolean(),
      policies: fc
        .subarray(
          SMALL_WORLD[family].endpoints.flatMap((address) =>
            [80, 12345].map((port) => endpoint(address, port)),
          ),
          { maxLength: 6 },
        )
        .chain((endpoints) => anyPolicies(family, endpoints)),
    })
    .map(({ vip, protocol, shift, nodePort, policies }) => ({
      id: index % 3 === 0 ? `s${index}` : `s${index}:web`,
      ...(vip === undefined ? {} : { vip }),
      protocol,
      port: 80 + index * 2 + shift,
      ...(nodePort ? { nodePort: 30000 + index * 2 + shift } : {}),
      ...policies,
    }));

/** Nearly always the first. */
function seldom<T>(usual: T, other: T): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constant(other) },
  );
}

/** Any intent of up to eight services; the settings around them vary seldom. */
export function anyIntentOf(family: Family): fc.Arbitrary<FirewallIntent> {
  const { subnets, kept } = SMALL_WORLD[family];
  return fc
    .record({
      indexes: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
      subnet: fc.oneof(
        seldom<string | undefined>(subnets[0], subnets[1]),
        seldom<string | undefined>(subnets[0], undefined),
      ),
      dropping: seldom(true, false),
      masquerade: seldom(true, false),
      nonMasqueradeCidrs: seldom<readonly string[]>([], kept),
      nodePortCidrs: seldom<readonly string[]>([], NODE_PORT_CIDRS[family]),
      published: anyPublished(family),
      policies: anyNetworkPolicies(family),
    })
    .chain(({ indexes, subnet, dropping, ...settings }) =>
      fc.tuple(...indexes.map((index) => service(index, family))).map((services) => {
        const { serviceRange, subnet: _, ...intent } = intentOf(services, family);
        return {
          ...intent,
          ...settings,
          ...(subnet === undefined ? {} : { subnet }),
          ...(dropping && serviceRange !== undefined ? { serviceRange } : {}),
        };
      }),
    );
}

export const anyIntent = anyIntentOf('ipv4');
