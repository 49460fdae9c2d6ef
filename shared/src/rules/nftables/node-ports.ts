import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import type { MapDeclaration, Part } from './part.ts';
import { type Front, pickChains, pickElements, pickMaps } from './picks.ts';
import { WORDS } from './words.ts';

/** A port on every address of the host where NodePorts are served → endpoints; the same shape as `services.ts`. */
export const nodePorts: Part = {
  maps: (intent) => [nodePortVerdicts('node-ports'), ...pickMaps(NODE_PORTS, intent)],

  chains: (intent) => [
    {
      name: 'node-ports',
      rules: [{ text: `${NODE_PORT_KEY} vmap @node-ports`, why: 'a NodePort: pick an endpoint' }],
    },
    ...pickChains(NODE_PORTS, intent),
  ],

  elements: (service, family) => pickElements(NODE_PORTS, service, family),
};

export const NODE_PORT_KEY = 'meta l4proto . th dport';

const NODE_PORTS: Front = {
  prefix: 'node-',
  map: 'node-ports',
  key: () => NODE_PORT_KEY,
  // Who meets an external policy `local` was sent on his way before: outside.ts.
  policy: ({ nodePort }) => (nodePort === undefined ? undefined : 'cluster'),
  keyOf: nodePortOf,
  masquerades: true,
};

/** The service's key: `tcp . 30001`. */
export function nodePortOf({ protocol, nodePort = 0 }: ServiceIntent): string {
  return `${safe.protocol(protocol)} . ${safe.port(nodePort)}`;
}

export function nodePortVerdicts(name: string): MapDeclaration {
  return { name, kind: 'map', spec: 'type inet_proto . inet_service : verdict' };
}

/**
 * A match: destinations on which NodePorts are served, if they are this host's. Never loopback ones, whatever the
 * CIDRs say: what leaves the host with such a source is dropped (`route_localnet`).
 */
export function isNodePortAddress({ family, nodePortCidrs }: FirewallIntent): string {
  const { ip } = WORDS[family];
  const inside = nodePortCidrs.map((block) => safe.cidr(block, family)).join(', ');
  const notLoopback = `${ip} daddr != ${RANGES[family].loopback}`;
  return inside === '' ? notLoopback : `${notLoopback} ${ip} daddr { ${inside} }`;
}
