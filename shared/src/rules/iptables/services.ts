import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { type Chain, comment, type Part } from './part.ts';
import { host, target } from './words.ts';

/** VIP → endpoints: a chain per service port, which picks, and one per endpoint, which translates. */
export const services: Part = {
  jumps: [
    { table: 'nat', chain: 'PREROUTING', rule: `${comment('causeway: services')} -j ${chains.services}` },
    { table: 'nat', chain: 'OUTPUT', rule: `${comment('causeway: services')} -j ${chains.services}` },
  ],

  chains: () => [],

  lists: ({ family }) => [
    {
      table: 'nat',
      name: chains.services,
      entries: (all) =>
        all
          .filter((service) => service.vip !== undefined && service.endpoints.length > 0)
          .map(
            (service) =>
              `-d ${host(service.vip ?? '', family)} ${match(service, service.port)} -j ${chains.service(service)}`,
          ),
      // Last, since it is the only rule that no destination of a service matches.
      tail: [
        `! -d ${RANGES[family].loopback} ${comment('an address of this host: perhaps a NodePort')} -m addrtype --dst-type LOCAL -j ${chains.nodePorts}`,
      ],
    },
  ],

  ofService(service, intent) {
    if (service.endpoints.length === 0) return [];
    if (service.vip === undefined && service.nodePort === undefined) return [];
    return [
      serviceChain(service, intent),
      ...service.endpoints.map((endpoint) => endpointChain(service, endpoint, intent.family)),
    ];
  },
};

/** Protocol and port of a packet for a service, with the service's id as comment. */
export function match(service: ServiceIntent, port: number): string {
  const protocol = safe.protocol(service.protocol);
  return `-p ${protocol} ${comment(safe.id(service.id))} -m ${protocol} --dport ${safe.port(port)}`;
}

/** The i-th of n rules takes 1/(n−i) of what the rules before it left: each endpoint gets the same share. */
function serviceChain(service: ServiceIntent, intent: FirewallIntent): Chain {
  const told = comment(safe.id(service.id));
  const n = service.endpoints.length;
  const picks = service.endpoints.map((endpoint, i) => {
    const share = (1 / (n - i)).toFixed(10);
    const chance = i === n - 1 ? '' : ` -m statistic --mode random --probability ${share}`;
    return `${told}${chance} -j ${chains.endpoint(service, endpoint)}`;
  });
  return {
    table: 'nat',
    name: chains.service(service),
    rules: [`! -s ${safe.cidr(intent.network, intent.family)} ${told} -j ${chains.mark}`, ...picks],
  };
}

function endpointChain(service: ServiceIntent, endpoint: EndpointIntent, family: Family): Chain {
  const told = comment(safe.id(service.id));
  return {
    table: 'nat',
    name: chains.endpoint(service, endpoint),
    rules: [
      // Hairpin: the endpoint reached itself, and must see another source than its own.
      `-s ${host(endpoint.address, family)} ${told} -j ${chains.mark}`,
      `-p ${safe.protocol(service.protocol)} ${told} -j DNAT --to-destination ${target(endpoint.address, endpoint.port, family)}`,
    ],
  };
}
