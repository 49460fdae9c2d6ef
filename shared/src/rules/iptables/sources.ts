import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { nodePortAddresses } from './node-ports.ts';
import { comment, type Part } from './part.ts';
import { host, match, within } from './words.ts';

/**
 * Source ranges: who is in none of a service's is dropped, containers and hosts as well as anybody outside, before
 * anything is translated. A restricted service has a chain, which its VIP and its NodePort lead to. Nothing of it is
 * there while no service has ranges.
 *
 * In mangle, since that comes after the tracking of connections, so that what stands goes on, and before the translation
 * in nat, which may not drop.
 */
export const sources: Part = {
  jumps: (intent) => {
    if (!isNeeded(intent)) return [];
    const rule = `${comment('causeway: source ranges')} -m conntrack --ctstate NEW -j ${chains.sources}`;
    return [
      { table: 'mangle', chain: 'PREROUTING', rule },
      { table: 'mangle', chain: 'OUTPUT', rule },
    ];
  },

  chains: () => [],

  lists: (intent) => {
    if (!isNeeded(intent)) return [];
    return [
      {
        table: 'mangle',
        name: chains.sources,
        entries: (all) =>
          all.flatMap((service) =>
            service.vip === undefined || !isRestricted(service)
              ? []
              : [
                  `-d ${host(service.vip, intent.family)} ${match(service, service.port)} -j ${chains.sourcesOf(service)}`,
                ],
          ),
        tail: nodePortAddresses(intent, 'an address of this host: perhaps a NodePort', chains.nodeSources),
      },
      {
        table: 'mangle',
        name: chains.nodeSources,
        entries: (all) =>
          all.flatMap((service) =>
            service.nodePort === undefined || !isRestricted(service)
              ? []
              : [`${match(service, service.nodePort)} -j ${chains.sourcesOf(service)}`],
          ),
        tail: [],
      },
    ];
  },

  ofService(service, { family }) {
    const { vip, nodePort, sourceRanges } = service;
    if (sourceRanges === undefined || (vip === undefined && nodePort === undefined)) return [];
    const told = comment(safe.id(service.id));
    const allowed = sourceRanges.map((range) => `${within('-s', range, family)}${told} -j RETURN`);
    return [{ table: 'mangle', name: chains.sourcesOf(service), rules: [...allowed, `${told} -j DROP`] }];
  },
};

export function isRestricted({ sourceRanges }: ServiceIntent): boolean {
  return sourceRanges !== undefined;
}

function isNeeded({ services }: FirewallIntent): boolean {
  return services.some(isRestricted);
}
