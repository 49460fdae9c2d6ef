import type { FirewallIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { isOutside } from './outside.ts';
import { comment, type Part } from './part.ts';
import { match, within } from './words.ts';

/** A port on every address of the host where NodePorts are served → the service's own chain. */
export const nodePorts: Part = {
  jumps: () => [],

  chains: () => [],

  lists: () => [
    {
      table: 'nat',
      name: chains.nodePorts,
      entries: (all) =>
        all.flatMap((service) => {
          if (service.nodePort === undefined || service.endpoints.length === 0) return [];
          const target = isOutside(service) ? chains.external(service) : chains.service(service);
          return [`${match(service, service.nodePort)} -j ${target}`];
        }),
      tail: [],
    },
  ],

  ofService: () => [],
};

/**
 * What is for an address of this host on which NodePorts are served → a chain; the last rules of theirs. Never loopback
 * addresses, whatever the CIDRs say: what leaves the host with such a source is dropped (`route_localnet`).
 */
export function nodePortAddresses(
  { family, nodePortCidrs }: FirewallIntent,
  why: string,
  chain: string,
): readonly string[] {
  const { loopback } = RANGES[family];
  const local = `${comment(why)} -m addrtype --dst-type LOCAL -j ${chain}`;
  if (nodePortCidrs.length === 0) return [`! -d ${loopback} ${local}`];
  return [
    `-d ${loopback} ${comment('no NodePorts here')} -j RETURN`,
    ...nodePortCidrs.map((block) => `${within('-d', block, family)}${local}`),
  ];
}
