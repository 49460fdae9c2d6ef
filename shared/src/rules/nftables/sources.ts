import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { bitsOf } from '../../net/block.ts';
import type { Family } from '../../net/family.ts';
import { countsOf, type KeysOf } from '../counts.ts';
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
      rangeSet('node-sources', `inet_service . inet_proto . ${addressType}`),
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

  elements(service, family) {
    const { vip, nodePort, sourceRanges } = service;
    if (sourceRanges === undefined) return [];
    const ranges = sourceRanges.map((range) => rangeText(range, family));
    return [
      ...(vip === undefined ? [] : ofVip(vipOf(service, family), ranges)),
      ...(nodePort === undefined ? [] : ofNodePort(nodePort, service, ranges)),
    ];
  },
};

function isNeeded({ services }: FirewallIntent): boolean {
  return countsOf(services, restricted).size > 0;
}

const restricted: KeysOf = ({ sourceRanges }) => (sourceRanges === undefined ? [] : ['restricted']);

/**
 * Such a set looks at one part of its key after the other, and goes through all elements that agree so far: what tells
 * most of them apart must be first. A protocol in front makes every question, and every new element, as slow as there
 * are elements.
 */
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
      text: `${NODE_PORT_KEY} @restricted-node-ports ${isNodePortAddress(intent)} fib daddr type local th dport . meta l4proto . ${ip} saddr != @node-sources drop`,
      why: 'a NodePort that this client may not use',
    },
  ];
}

function ofVip(key: string, ranges: readonly string[]): readonly Element[] {
  return [
    { map: 'restricted', key },
    ...ranges.map((range) => ({ map: 'sources', key: `${key} . ${range}` })),
  ];
}

function ofNodePort(port: number, service: ServiceIntent, ranges: readonly string[]): readonly Element[] {
  const key = `${safe.port(port)} . ${safe.protocol(service.protocol)}`;
  return [
    { map: 'restricted-node-ports', key: nodePortOf(service) },
    ...ranges.map((range) => ({ map: 'node-sources', key: `${key} . ${range}` })),
  ];
}

/** As nft lists it: a single address is without its length. */
function rangeText(range: string, family: Family): string {
  const [address, length] = safe.cidr(range, family).split('/');
  return Number(length) === bitsOf(family) ? (address ?? '') : `${address}/${length}`;
}
