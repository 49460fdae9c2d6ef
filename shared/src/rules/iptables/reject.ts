import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { nodePortAddresses } from './node-ports.ts';
import { isOutside } from './outside.ts';
import { comment, type List, type Part } from './part.ts';
import { host, match, WORDS } from './words.ts';

const onlyNew = `${comment('causeway: refuse')} -m conntrack --ctstate NEW`;

/**
 * What is refused. The filter table comes after the translation, so a packet that still carries a VIP, or the NodePort of
 * a service, has found no endpoint. Who is refused is told at once, but where a policy `local` rules, another host may
 * serve what this one does not: that is dropped, and so is what is for an address that no service has.
 */
export const reject: Part = {
  jumps: () => [
    // A program of the host may hold such a port, or an administrator a VIP; what it has open goes on.
    { table: 'filter', chain: 'INPUT', rule: `${onlyNew} -j ${chains.input}` },
    { table: 'filter', chain: 'OUTPUT', rule: `${onlyNew} -j ${chains.vips}` },
  ],

  chains: (intent) => [
    {
      table: 'filter',
      name: chains.reject,
      rules: [
        '-p tcp -j REJECT --reject-with tcp-reset',
        `-j REJECT --reject-with ${WORDS[intent.family].reject}`,
      ],
    },
    {
      table: 'filter',
      name: chains.input,
      rules: [
        `${comment('a VIP that is an address of this host')} -j ${chains.vips}`,
        ...nodePortAddresses(intent, 'perhaps a NodePort that nobody serves here', chains.unserved),
      ],
    },
  ],

  lists: (intent) => [unserved, vips(intent)],

  ofService: () => [],
};

/** NodePorts. Containers and the host itself are translated wherever there is an endpoint at all. */
const unserved: List = {
  table: 'filter',
  name: chains.unserved,
  entries: (all) =>
    all.flatMap((service) => {
      if (service.nodePort === undefined) return [];
      const matches = match(service, service.nodePort);
      if (service.endpoints.length === 0) return [`${matches} -j ${chains.reject}`];
      return isOutside(service) && service.localEndpoints.length === 0 ? [`${matches} -j DROP`] : [];
    }),
  tail: [],
};

function vips({ family, serviceRange }: FirewallIntent): List {
  const dropped = (service: ServiceIntent): readonly string[] => {
    const { vip, internalPolicy, endpoints, localEndpoints } = service;
    if (vip === undefined || internalPolicy === 'cluster') return [];
    if (endpoints.length === 0 || localEndpoints.length > 0) return [];
    return [`-d ${host(vip, family)} ${match(service, service.port)} -j DROP`];
  };
  return {
    table: 'filter',
    name: chains.vips,
    entries: (all) => [
      ...all.flatMap(dropped),
      // Sorted, since several services may share a VIP: the order must not depend on which of them comes first.
      ...[...new Set(all.flatMap(({ vip }) => (vip === undefined ? [] : [host(vip, family)])))]
        .sort()
        .map((vip) => `-d ${vip} -j ${chains.reject}`),
    ],
    tail:
      serviceRange === undefined
        ? []
        : [`-d ${safe.cidr(serviceRange, family)} ${comment('an address that no service has')} -j DROP`],
  };
}
