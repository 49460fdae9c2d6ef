import fc from 'fast-check';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { DEFAULT_MARK } from '../../shared/src/names.ts';
import type { Family } from '../../shared/src/net/family.ts';

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
    services: [...services].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** The service of the source text: 2.2.2.2:88 and NodePort 30001 on two endpoints. */
export const TEST_SERVICE: ServiceIntent = {
  id: 'test-service1',
  vip: '2.2.2.2',
  protocol: 'tcp',
  port: 88,
  nodePort: 30001,
  endpoints: [
    { address: '10.10.1.2', port: 12345 },
    { address: '10.10.2.2', port: 12345 },
  ],
};

/** N services with two endpoints each. */
export function manyServices(n: number): ServiceIntent[] {
  return Array.from({ length: n }, (_, i) => ({
    id: `s-${String(i).padStart(6, '0')}`,
    vip: `10.96.${i >> 8}.${i & 255}`,
    protocol: 'tcp' as const,
    port: 8088,
    endpoints: [
      { address: `10.10.${(i % 200) + 1}.2`, port: 8080 },
      { address: `10.10.${(i % 200) + 1}.3`, port: 8080 },
    ],
  }));
}

/**
 * Services from a small world, so that two random intents share ids, VIPs and endpoints often; frontends are
 * unique by construction: a service's index is in its port.
 */
const service = (index: number): fc.Arbitrary<ServiceIntent> =>
  fc
    .record({
      vip: fc.option(fc.constantFrom('2.2.2.2', '10.96.0.1', '10.96.7.7'), { nil: undefined }),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
      shift: fc.integer({ min: 0, max: 1 }),
      nodePort: fc.boolean(),
      endpoints: fc.subarray(
        ['10.10.1.2', '10.10.1.3', '10.10.2.2', '10.10.3.9', '192.168.122.13'].flatMap((address) =>
          [80, 12345].map((port) => ({ address, port })),
        ),
        { maxLength: 6 },
      ),
    })
    .map(({ vip, protocol, shift, nodePort, endpoints }) => ({
      id: index % 3 === 0 ? `s${index}` : `s${index}:web`,
      ...(vip === undefined ? {} : { vip }),
      protocol,
      port: 80 + index * 2 + shift,
      ...(nodePort ? { nodePort: 30000 + index * 2 + shift } : {}),
      endpoints,
    }));

/** Any intent of up to eight services; the settings around them vary seldom. */
export const anyIntent: fc.Arbitrary<FirewallIntent> = fc
  .record({
    indexes: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
    subnet: fc.oneof(
      { weight: 9, arbitrary: fc.constant('10.10.1.0/24') },
      { weight: 1, arbitrary: fc.constant('10.10.2.0/24') },
    ),
    dropping: fc.oneof(
      { weight: 9, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
  })
  .chain(({ indexes, subnet, dropping }) =>
    fc.tuple(...indexes.map(service)).map((services) => {
      const { serviceRange, ...intent } = intentOf(services);
      return { ...intent, subnet, ...(dropping && serviceRange !== undefined ? { serviceRange } : {}) };
    }),
  );
