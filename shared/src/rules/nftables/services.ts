import type { ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { safe } from '../safe.ts';
import { isNodePortAddress } from './node-ports.ts';
import type { Part, Rule } from './part.ts';
import { type Front, pickChains, pickElements, pickMaps } from './picks.ts';
import { WORDS } from './words.ts';

/**
 * VIP → endpoints. A service is nothing but elements: one in `services`, whose verdict says how an endpoint is picked
 * and among how many, and one in that map for each of them. Map and chain `pickN` are shared by all services of N
 * buckets, so the cost of a first packet does not grow with the number of services.
 *
 * Where the internal policy is `local`, the buckets hold this host's endpoints; where it has none, the verdict is `drop`
 * (that is one: `reject` is not).
 */
export const services: Part = {
  maps: (intent) => [
    {
      name: 'services',
      kind: 'map',
      spec: `type ${WORDS[intent.family].addressType} . inet_proto . inet_service : verdict`,
    },
    ...pickMaps(VIPS, intent),
  ],

  chains: (intent) => [
    { name: 'prerouting', hook: { type: 'nat', hook: 'prerouting', priority: -100 }, rules: [toServices] },
    { name: 'output', hook: { type: 'nat', hook: 'output', priority: -100 }, rules: [toServices] },
    {
      name: 'services',
      rules: [
        { text: `${vipKey(intent.family)} vmap @services`, why: 'a service: pick an endpoint' },
        {
          text: `${isNodePortAddress(intent)} fib daddr type local goto node-ports`,
          why: 'an address of this host: perhaps a NodePort',
        },
      ],
    },
    ...pickChains(VIPS, intent),
  ],

  elements: (service, family) => pickElements(VIPS, service, family),
};

const VIPS: Front = {
  prefix: '',
  map: 'services',
  key: vipKey,
  policy: ({ vip, internalPolicy }) => (vip === undefined ? undefined : internalPolicy),
  keyOf: vipOf,
  masquerades: true,
};

export function vipKey(family: Family): string {
  return `${WORDS[family].ip} daddr . meta l4proto . th dport`;
}

/** The service's key: `2.2.2.2 . tcp . 88`. */
export function vipOf({ vip = '', protocol, port }: ServiceIntent, family: Family): string {
  return `${safe.address(vip, family)} . ${safe.protocol(protocol)} . ${safe.port(port)}`;
}

const toServices: Rule = { text: 'jump services', why: 'the first packet of a connection' };
