import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { bitsOf } from '../../net/block.ts';
import type { Family } from '../../net/family.ts';
import { safe } from '../safe.ts';
import { isNodePortAddress, NODE_PORT_KEY, nodePortOf } from './node-ports.ts';
import type { Chain, Element, MapDeclaration, Part, Rule } from './part.ts';
import { vipKey, vipOf } from './services.ts';
import { WORDS } from './words.ts';

/**
 * Source ranges: who is in none of a service's is dropped, containers and hosts as well as anybody outside, before
 * anything is translated. A restricted service is an element among the restricted ones, and one per range. Nothing of
 * it is there while no service has ranges.
 *
 * The chains are of type `nat`, though they translate nothing: the kernel asks those for the first packet of a
 * connection only, so what stands goes on and costs nothing.
 */
export const sources: Part = {
  maps: (intent) => {
    if (!isNeeded(intent)) return [];
    const { addressType } = WORDS[intent.family];
    return [
      { name: 'restricted', kind: 'set', spec: `type ${addressType} . inet_proto . inet_service` },
      rangeSet('sources', `${addressType} . inet_proto . inet_service . ${addressType}`),
      { name: 'restricted-node-ports', kind: 'set', spec: 'type inet_proto . inet_service' },
      rangeSet('node-sources', `inet_proto . inet_service . ${addressType}`),
    ];
  },

  chains: (intent) => {
    if (!isNeeded(intent)) return [];
    const hooked = (name: string, hook: 'prerouting' | 'output'): Chain => ({
      name,
      hook: { type: 'nat', hook, priority: -110 },
      rules: [{ text: 'jump check-sources', why: 'the first packet of a connection, as it came' }],
    });
    return [
      hooked('check-prerouting', 'prerouting'),
      hooked('check-output', 'output'),
      { name: 'check-sources', rules: checks(intent) },
    ];
  },

  elements: (service, family) => [
    ...(service.vip === undefined
      ? []
      : elements('restricted', 'sources', vipOf(service, family), service, family)),
    ...(service.nodePort === undefined
      ? []
      : elements('restricted-node-ports', 'node-sources', nodePortOf(service), service, family)),
  ],
};

function isNeeded({ services }: FirewallIntent): boolean {
  return services.some(({ sourceRanges }) => sourceRanges !== undefined);
}

function rangeSet(name: string, type: string): MapDeclaration {
  return { name, kind: 'set', spec: `type ${type}; flags interval` };
}

function checks(intent: FirewallIntent): readonly Rule[] {
  const { ip } = WORDS[intent.family];
  const key = vipKey(intent.family);
  return [
    {
      text: `${key} @restricted ${key} . ${ip} saddr != @sources drop`,
      why: 'a VIP that this client may not use',
    },
    {
      text: `${NODE_PORT_KEY} @restricted-node-ports ${isNodePortAddress(intent)} fib daddr type local ${NODE_PORT_KEY} . ${ip} saddr != @node-sources drop`,
      why: 'a NodePort that this client may not use',
    },
  ];
}

function elements(
  restricted: string,
  allowed: string,
  key: string,
  { sourceRanges }: ServiceIntent,
  family: Family,
): Element[] {
  if (sourceRanges === undefined) return [];
  return [
    { map: restricted, key },
    ...sourceRanges.map((range) => ({ map: allowed, key: `${key} . ${rangeText(range, family)}` })),
  ];
}

/** As nft lists it: a single address is without its length. */
function rangeText(range: string, family: Family): string {
  const [address, length] = safe.cidr(range, family).split('/');
  return Number(length) === bitsOf(family) ? (address ?? '') : `${address}/${length}`;
}
