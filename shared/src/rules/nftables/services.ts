import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { safe } from '../safe.ts';
import type { Chain, Element, Part, Rule } from './part.ts';

/**
 * VIP → endpoints. A service is nothing but elements: one in `services`, whose verdict says how many endpoints
 * there are, and one in `endpoints` for each of them. The chains `pickN` are shared by all services of N
 * endpoints, so the cost of a first packet does not grow with the number of services.
 */
export const services: Part = {
  maps: [
    { name: 'services', kind: 'map', spec: 'type ipv4_addr . inet_proto . inet_service : verdict' },
    {
      name: 'endpoints',
      kind: 'map',
      // `mod 2` only gives the last part of the key its type (an integer); lookups use other moduli.
      spec: 'typeof ip daddr . meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport',
    },
  ],

  chains: (intent) => [
    { name: 'prerouting', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [toServices] },
    { name: 'output', hook: { type: 'nat', hook: 'output', priority: -100 }, rules: [toServices] },
    {
      name: 'services',
      rules: [
        { text: 'ip daddr . meta l4proto . th dport vmap @services', why: 'a service: pick an endpoint' },
        {
          text: 'ip daddr != 127.0.0.0/8 fib daddr type local goto node-ports',
          why: 'an address of this host: perhaps a NodePort',
        },
      ],
    },
    ...counts(intent.services, (service) => service.vip !== undefined).map((n) => pickChain(intent, n)),
  ],

  elements(service) {
    if (service.vip === undefined || service.endpoints.length === 0) return [];
    const key = `${safe.address(service.vip)} . ${safe.protocol(service.protocol)} . ${safe.port(service.port)}`;
    return [
      { map: 'services', key, value: `goto pick${service.endpoints.length}` },
      ...endpointElements('endpoints', key, service),
    ];
  },
};

const toServices: Rule = { text: 'jump services', why: 'the first packet of a connection' };

/** The numbers of endpoints that occur among the services that `has` selects, ascending, without 0. */
export function counts(all: readonly ServiceIntent[], has: (service: ServiceIntent) => boolean): number[] {
  const found = new Set<number>();
  for (const service of all) if (has(service)) found.add(service.endpoints.length);
  found.delete(0);
  return [...found].sort((a, b) => a - b);
}

export function endpointElements(
  map: 'endpoints' | 'node-endpoints',
  key: string,
  service: ServiceIntent,
): Element[] {
  return service.endpoints.map((endpoint, i) => ({
    map,
    key: `${key} . ${i}`,
    value: `${safe.address(endpoint.address)} . ${safe.port(endpoint.port)}`,
  }));
}

/** Only bits of our own are set, so that other programs' marks survive. */
export function markRule(intent: FirewallIntent): Rule {
  return {
    text: `ip saddr != ${safe.cidr(intent.network)} meta mark set meta mark | ${safe.mark(intent.mark)}`,
    why: 'no container asks: masquerade, so that the reply returns through this host',
  };
}

function pickChain(intent: FirewallIntent, n: number): Chain {
  const key = `ip daddr . meta l4proto . th dport . numgen random mod ${n}`;
  return {
    name: `pick${n}`,
    rules: [
      markRule(intent),
      {
        text: `meta l4proto { tcp, udp, sctp } dnat ip to ${key} map @endpoints`,
        why: `one of ${n} endpoints`,
      },
    ],
  };
}
