import type { ServiceIntent } from '../../desired/intent.ts';
import { safe } from '../safe.ts';
import type { Part } from './part.ts';
import { counts, endpointElements, pickChain, pickMap } from './services.ts';

/** A port on every address of the host (never a loopback one) → endpoints; the same shape as `services.ts`. */
export const nodePorts: Part = {
  maps: (intent) => [
    { name: 'node-ports', kind: 'map', spec: 'type inet_proto . inet_service : verdict' },
    ...counts(intent.services, hasNodePort).map((n) => pickMap(`node-pick${n}`, NODE_KEY, n, intent.family)),
  ],

  chains: (intent) => [
    {
      name: 'node-ports',
      rules: [{ text: 'meta l4proto . th dport vmap @node-ports', why: 'a NodePort: pick an endpoint' }],
    },
    ...counts(intent.services, hasNodePort).map((n) => pickChain(`node-pick${n}`, NODE_KEY, n, intent)),
  ],

  elements(service, family) {
    if (service.nodePort === undefined || service.endpoints.length === 0) return [];
    const key = `${safe.protocol(service.protocol)} . ${safe.port(service.nodePort)}`;
    return [
      { map: 'node-ports', key, value: `goto node-pick${service.endpoints.length}` },
      ...endpointElements(`node-pick${service.endpoints.length}`, key, service, family),
    ];
  },
};

const NODE_KEY = 'meta l4proto . th dport';

function hasNodePort(service: ServiceIntent): boolean {
  return service.nodePort !== undefined;
}
