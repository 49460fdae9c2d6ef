import type { ServiceIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { nodePortAddresses } from './node-ports.ts';
import { type Chain, comment, type Part } from './part.ts';
import { picks, reachesAll, reachesHere, translations } from './picks.ts';
import { host, match } from './words.ts';

/**
 * VIP → endpoints: a chain per service port, which picks, and one per endpoint, which translates. Where the internal
 * policy is `local`, this host's endpoints are picked from; where it has none, nothing is translated, and `reject.ts`
 * drops what comes.
 */
export const services: Part = {
  jumps: () => [
    { table: 'nat', chain: 'PREROUTING', rule: `${comment('causeway: services')} -j ${chains.services}` },
    { table: 'nat', chain: 'OUTPUT', rule: `${comment('causeway: services')} -j ${chains.services}` },
  ],

  chains: () => [],

  lists: (intent) => [
    {
      table: 'nat',
      name: chains.services,
      entries: (all) =>
        all.flatMap((service) => {
          const target = targetOf(service);
          if (service.vip === undefined || target === undefined) return [];
          return [`-d ${host(service.vip, intent.family)} ${match(service, service.port)} -j ${target}`];
        }),
      // Last, since they are the only rules that no destination of a service matches.
      tail: nodePortAddresses(intent, 'an address of this host: perhaps a NodePort', chains.nodePorts),
    },
  ],

  ofService(service, intent) {
    const told = comment(safe.id(service.id));
    const { family } = intent;
    const mark = `! -s ${safe.cidr(intent.network, family)} ${told} -j ${chains.mark}`;
    const chain = (name: string, rules: readonly string[]): Chain => ({ table: 'nat', name, rules });
    const found: Chain[] = [];
    if (reachesAll(service))
      found.push(chain(chains.service(service), [mark, ...picks(service, service.endpoints, family)]));
    if (isInternal(service))
      found.push(chain(chains.internal(service), [mark, `${told} -j ${chains.here(service)}`]));
    if (reachesHere(service))
      found.push(chain(chains.here(service), picks(service, service.localEndpoints, family)));
    return [...found, ...translations(service, family)];
  },
};

/** The chain that serves the VIP; undefined: none does. */
function targetOf(service: ServiceIntent): string | undefined {
  if (service.endpoints.length === 0) return undefined;
  if (service.internalPolicy === 'cluster') return chains.service(service);
  return isInternal(service) ? chains.internal(service) : undefined;
}

/** Whether this host's endpoints alone serve the VIP. */
function isInternal({ vip, internalPolicy, endpoints, localEndpoints }: ServiceIntent): boolean {
  return vip !== undefined && internalPolicy === 'local' && endpoints.length > 0 && localEndpoints.length > 0;
}
