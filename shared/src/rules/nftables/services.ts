import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { safe } from '../safe.ts';
import type { Chain, Element, MapDeclaration, Part, Rule } from './part.ts';

/**
 * VIP → endpoints. A service is nothing but elements: one in `services`, whose verdict says how many endpoints
 * there are, and one in `pickN` for each of them. Map and chain `pickN` are shared by all services of N endpoints,
 * so the cost of a first packet does not grow with the number of services.
 */
export const services: Part = {
  maps: (intent) => [
    { name: 'services', kind: 'map', spec: 'type ipv4_addr . inet_proto . inet_service : verdict' },
    ...counts(intent.services, hasVip).map((n) => pickMap(`pick${n}`, VIP_KEY, n)),
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
    ...counts(intent.services, hasVip).map((n) => pickChain(`pick${n}`, VIP_KEY, n, intent)),
  ],

  elements(service) {
    if (service.vip === undefined || service.endpoints.length === 0) return [];
    const key = `${safe.address(service.vip)} . ${safe.protocol(service.protocol)} . ${safe.port(service.port)}`;
    return [
      { map: 'services', key, value: `goto pick${service.endpoints.length}` },
      ...endpointElements(`pick${service.endpoints.length}`, key, service),
    ];
  },
};

const VIP_KEY = 'ip daddr . meta l4proto . th dport';

const toServices: Rule = { text: 'jump services', why: 'the first packet of a connection' };

function hasVip(service: ServiceIntent): boolean {
  return service.vip !== undefined;
}

/** The numbers of endpoints that occur among the services that `has` selects, ascending, without 0. */
export function counts(all: readonly ServiceIntent[], has: (service: ServiceIntent) => boolean): number[] {
  const found = new Set<number>();
  for (const service of all) if (has(service)) found.add(service.endpoints.length);
  found.delete(0);
  return [...found].sort((a, b) => a - b);
}

export function endpointElements(map: string, key: string, service: ServiceIntent): Element[] {
  return service.endpoints.map((endpoint, i) => ({
    map,
    key: `${key} . ${i}`,
    value: `${safe.address(endpoint.address)} . ${safe.port(endpoint.port)}`,
  }));
}

/**
 * Frontend and number → endpoint. Each N has a map of its own because nft 1.0.6 takes no new rule that looks into
 * a map with `typeof` that is in the kernel already ("conflicting protocols specified"); made together, it does.
 */
export function pickMap(name: string, key: string, n: number): MapDeclaration {
  return { name, kind: 'map', spec: `typeof ${key} . numgen random mod ${n} : ip daddr . th dport` };
}

export function pickChain(name: string, key: string, n: number, intent: FirewallIntent): Chain {
  return {
    name,
    rules: [
      {
        // Only a bit of our own is set, so that other programs' marks survive.
        text: `ip saddr != ${safe.cidr(intent.network)} meta mark set meta mark | ${safe.mark(intent.mark)}`,
        why: 'no container asks: masquerade, so that the reply returns through this host',
      },
      {
        // nft wants a transport match in a rule that translates to a port.
        text: `meta l4proto { tcp, udp, sctp } dnat ip to ${key} . numgen random mod ${n} map @${name}`,
        why: `one of ${n} endpoints`,
      },
    ],
  };
}
