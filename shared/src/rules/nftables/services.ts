import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import type { Chain, Element, MapDeclaration, Part, Rule } from './part.ts';
import { WORDS } from './words.ts';

/**
 * VIP → endpoints. A service is nothing but elements: one in `services`, whose verdict says how many endpoints
 * there are, and one in `pickN` for each of them. Map and chain `pickN` are shared by all services of N endpoints,
 * so the cost of a first packet does not grow with the number of services.
 */
export const services: Part = {
  maps: (intent) => [
    {
      name: 'services',
      kind: 'map',
      spec: `type ${WORDS[intent.family].addressType} . inet_proto . inet_service : verdict`,
    },
    ...counts(intent.services, hasVip).map((n) =>
      pickMap(`pick${n}`, vipKey(intent.family), n, intent.family),
    ),
  ],

  chains: (intent) => [
    { name: 'prerouting', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [toServices] },
    { name: 'output', hook: { type: 'nat', hook: 'output', priority: -100 }, rules: [toServices] },
    {
      name: 'services',
      rules: [
        { text: `${vipKey(intent.family)} vmap @services`, why: 'a service: pick an endpoint' },
        {
          text: `${notLoopback(intent.family)} fib daddr type local goto node-ports`,
          why: 'an address of this host: perhaps a NodePort',
        },
      ],
    },
    ...counts(intent.services, hasVip).map((n) => pickChain(`pick${n}`, vipKey(intent.family), n, intent)),
  ],

  elements(service, family) {
    if (service.vip === undefined || service.endpoints.length === 0) return [];
    const key = `${safe.address(service.vip, family)} . ${safe.protocol(service.protocol)} . ${safe.port(service.port)}`;
    return [
      { map: 'services', key, value: `goto pick${service.endpoints.length}` },
      ...endpointElements(`pick${service.endpoints.length}`, key, service, family),
    ];
  },
};

function vipKey(family: Family): string {
  return `${WORDS[family].ip} daddr . meta l4proto . th dport`;
}

/** A match: any destination but the host's own loopback addresses. */
export function notLoopback(family: Family): string {
  return `${WORDS[family].ip} daddr != ${RANGES[family].loopback}`;
}

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

export function endpointElements(
  map: string,
  key: string,
  service: ServiceIntent,
  family: Family,
): Element[] {
  return service.endpoints.map((endpoint, i) => ({
    map,
    key: `${key} . ${i}`,
    value: `${safe.address(endpoint.address, family)} . ${safe.port(endpoint.port)}`,
  }));
}

/**
 * Frontend and number → endpoint. Each N has a map of its own because nft 1.0.6 takes no new rule that looks into
 * a map with `typeof` that is in the kernel already ("conflicting protocols specified"); made together, it does.
 */
export function pickMap(name: string, key: string, n: number, family: Family): MapDeclaration {
  const spec = `typeof ${key} . numgen random mod ${n} : ${WORDS[family].ip} daddr . th dport`;
  return { name, kind: 'map', spec };
}

export function pickChain(name: string, key: string, n: number, intent: FirewallIntent): Chain {
  const { ip } = WORDS[intent.family];
  return {
    name,
    rules: [
      {
        // Only a bit of our own is set, so that other programs' marks survive.
        text: `${ip} saddr != ${safe.cidr(intent.network, intent.family)} meta mark set meta mark | ${safe.mark(intent.mark)}`,
        why: 'no container asks: masquerade, so that the reply returns through this host',
      },
      {
        // nft wants a transport match in a rule that translates to a port.
        text: `meta l4proto { tcp, udp, sctp } dnat ${ip} to ${key} . numgen random mod ${n} map @${name}`,
        why: `one of ${n} endpoints`,
      },
    ],
  };
}
