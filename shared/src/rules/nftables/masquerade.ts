import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import type { Part, Rule } from './part.ts';
import { WORDS } from './words.ts';

/**
 * Whose source address is replaced by this host's, in the order of docs/architecture.md, "Who is masqueraded".
 * flannel's rules, and before them what services need.
 */
export const masquerade: Part = {
  maps: ({ family }) => {
    const { addressType } = WORDS[family];
    return [{ name: 'hairpins', kind: 'set', spec: `type ${addressType} . ${addressType}` }];
  },

  chains: (intent) => [
    {
      name: 'postrouting',
      hook: { type: 'nat', hook: 'postrouting', priority: 100 },
      rules: [...forServices(intent), ...(intent.masquerade ? forContainers(intent) : [])],
    },
  ],

  elements(service, family) {
    for (const { address } of reached(service)) safe.address(address, family);
    return hairpinsOf(service).map((key) => ({ map: 'hairpins', key }));
  },
};

/** The service's keys in the set of those that may reach themselves. */
export function hairpinsOf(service: ServiceIntent): readonly string[] {
  if (service.vip === undefined && service.nodePort === undefined) return [];
  return reached(service).map(({ address }) => `${address} . ${address}`);
}

/** Every endpoint that connections are sent to, some of them twice. */
function reached({ endpoints, localEndpoints }: ServiceIntent): readonly EndpointIntent[] {
  return localEndpoints.length === 0 ? endpoints : [...endpoints, ...localEndpoints];
}

export const REPLACE = 'masquerade fully-random';

function forServices(intent: FirewallIntent): readonly Rule[] {
  const { ip } = WORDS[intent.family];
  const mark = safe.mark(intent.mark);
  const others = `0x${(~intent.mark >>> 0).toString(16)}`;
  return [
    {
      // The mark is cleared first, so that a packet that is encapsulated later is not masqueraded twice.
      text: `meta mark & ${mark} == ${mark} meta mark set meta mark & ${others} ${REPLACE}`,
      why: 'marked by a service rule',
    },
    {
      text: `ct status dnat ${ip} saddr . ${ip} daddr @hairpins ${REPLACE}`,
      why: 'hairpin: an endpoint that reached itself',
    },
  ];
}

function forContainers(intent: FirewallIntent): readonly Rule[] {
  const { family } = intent;
  const { ip } = WORDS[family];
  const network = safe.cidr(intent.network, family);
  const kept = intent.nonMasqueradeCidrs.map((block) => safe.cidr(block, family));
  return [
    ...onTheLink(intent),
    ...betweenContainers(intent, network),
    ...kept.map((block) => ({
      text: `${ip} saddr ${network} ${ip} daddr ${block} return`,
      why: 'container to a destination where it keeps its address',
    })),
    {
      text: `${ip} saddr ${network} ${ip} daddr != ${RANGES[family].multicast} ${REPLACE}`,
      why: 'container to the outside, multicast excepted',
    },
    {
      text: `${ip} saddr != ${network} ${ip} daddr ${network} ${REPLACE}`,
      why: 'outside to a container of another host: the reply must return through this one',
    },
  ];
}

function onTheLink({ family }: FirewallIntent): readonly Rule[] {
  const { linkLocal } = RANGES[family];
  if (linkLocal === undefined) return [];
  const { ip } = WORDS[family];
  return ['saddr', 'daddr'].map((side) => ({
    text: `${ip} ${side} ${linkLocal} return`,
    why: `link-local ${side}: never leaves the link`,
  }));
}

function betweenContainers({ family, ...intent }: FirewallIntent, network: string): readonly Rule[] {
  const { ip } = WORDS[family];
  if (intent.subnet === undefined)
    return [{ text: `${ip} saddr ${network} ${ip} daddr ${network} return`, why: 'between containers' }];
  const subnet = safe.cidr(intent.subnet, family);
  return [
    { text: `${ip} saddr ${subnet} ${ip} daddr ${network} return`, why: 'own container to any container' },
    { text: `${ip} saddr ${network} ${ip} daddr ${subnet} return`, why: 'any container to own container' },
    { text: `${ip} saddr != ${network} ${ip} daddr ${subnet} return`, why: 'outside to own container' },
  ];
}
