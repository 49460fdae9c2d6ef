import type { FirewallIntent } from '../../desired/intent.ts';
import { safe } from '../safe.ts';
import type { Chain, Part } from './part.ts';
import { counts, endpointElements, markRule } from './services.ts';

/** A port on every address of the host (never 127.0.0.0/8) → endpoints; the same shape as `services.ts`. */
export const nodePorts: Part = {
  maps: [
    { name: 'node-ports', kind: 'map', spec: 'type inet_proto . inet_service : verdict' },
    {
      name: 'node-endpoints',
      kind: 'map',
      spec: 'typeof meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport',
    },
  ],

  chains: (intent) => [
    {
      name: 'node-ports',
      rules: [{ text: 'meta l4proto . th dport vmap @node-ports', why: 'a NodePort: pick an endpoint' }],
    },
    ...counts(intent.services, (service) => service.nodePort !== undefined).map((n) => pickChain(intent, n)),
  ],

  elements(service) {
    if (service.nodePort === undefined || service.endpoints.length === 0) return [];
    const key = `${safe.protocol(service.protocol)} . ${safe.port(service.nodePort)}`;
    return [
      { map: 'node-ports', key, value: `goto node-pick${service.endpoints.length}` },
      ...endpointElements('node-endpoints', key, service),
    ];
  },
};

function pickChain(intent: FirewallIntent, n: number): Chain {
  const key = `meta l4proto . th dport . numgen random mod ${n}`;
  return {
    name: `node-pick${n}`,
    rules: [
      markRule(intent),
      {
        text: `meta l4proto { tcp, udp, sctp } dnat ip to ${key} map @node-endpoints`,
        why: `one of ${n} endpoints`,
      },
    ],
  };
}
