import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { countsOf, type KeysOf } from '../counts.ts';
import { safe } from '../safe.ts';
import { isNodePortAddress, NODE_PORT_KEY, nodePortOf, nodePortVerdicts } from './node-ports.ts';
import type { Part } from './part.ts';
import { type Front, pickChains, pickElements, pickMaps } from './picks.ts';
import { WORDS } from './words.ts';

/**
 * NodePorts of external policy `local`, as clients outside of the cluster meet them: this host's endpoints alone, which
 * see the client's own address; none here → dropped. Nothing of it is there while no service has that policy.
 *
 * A chain of its own in front of the others, and of `prerouting` alone: what this host says itself comes through
 * `output`, so it is nobody from outside. The kernel asks it for the first packet of a connection only.
 */
export const outside: Part = {
  maps: (intent) =>
    isNeeded(intent) ? [nodePortVerdicts('outside-node-ports'), ...pickMaps(OUTSIDE, intent)] : [],

  chains: (intent) => {
    if (!isNeeded(intent)) return [];
    const notContainer = `${WORDS[intent.family].ip} saddr != ${safe.cidr(intent.network, intent.family)}`;
    const here = `${isNodePortAddress(intent)} fib daddr type local`;
    return [
      {
        name: 'outside',
        hook: { type: 'nat', hook: 'prerouting', priority: -105 },
        rules: [
          {
            text: `${notContainer} ${here} ${NODE_PORT_KEY} vmap @outside-node-ports`,
            why: 'from outside to a NodePort of policy local: endpoints here, nobody is masqueraded',
          },
        ],
      },
      ...pickChains(OUTSIDE, intent),
    ];
  },

  elements: (service, family) => pickElements(OUTSIDE, service, family),
};

const OUTSIDE: Front = {
  prefix: 'outside-',
  map: 'outside-node-ports',
  key: () => NODE_PORT_KEY,
  policy: (service) => (isOutside(service) ? 'local' : undefined),
  keyOf: nodePortOf,
  masquerades: false,
};

function isNeeded({ services }: FirewallIntent): boolean {
  return countsOf(services, outsiders).size > 0;
}

const outsiders: KeysOf = (service) => (isOutside(service) ? ['outside'] : []);

function isOutside({ nodePort, externalPolicy }: ServiceIntent): boolean {
  return nodePort !== undefined && externalPolicy === 'local';
}
