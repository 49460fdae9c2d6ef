import type { ServiceIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { comment, type Part } from './part.ts';
import { reachesHere } from './picks.ts';

/**
 * NodePorts of external policy `local`: who comes from outside gets this host's endpoints alone, which see the client's
 * own address; where there are none, nothing is translated, and `reject.ts` drops what comes. Containers and the host
 * itself are served from all endpoints.
 */
export const outside: Part = {
  jumps: () => [],

  chains: () => [],

  lists: () => [],

  ofService(service, { network, family }) {
    if (!isOutside(service) || service.endpoints.length === 0) return [];
    const told = comment(safe.id(service.id));
    const toAll = `-j ${chains.service(service)}`;
    return [
      {
        table: 'nat',
        name: chains.external(service),
        rules: [
          `-s ${safe.cidr(network, family)} ${told} ${toAll}`,
          `${told} -m addrtype --src-type LOCAL ${toAll}`,
          ...(reachesHere(service) ? [`${told} -j ${chains.here(service)}`] : []),
        ],
      },
    ];
  },
};

/** Whether clients from outside are treated in a way of their own. */
export function isOutside({ nodePort, externalPolicy }: ServiceIntent): boolean {
  return nodePort !== undefined && externalPolicy === 'local';
}
