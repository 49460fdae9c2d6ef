import type { EndpointIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { chains } from '../names.ts';
import { rendezvous } from '../rendezvous.ts';
import { safe } from '../safe.ts';
import { clientsOf } from './clients.ts';
import { type Chain, comment } from './part.ts';
import { host, target } from './words.ts';

/** Whether some connections to the service go to any of its endpoints. */
export function reachesAll({ vip, nodePort, endpoints, internalPolicy }: ServiceIntent): boolean {
  const throughVip = vip !== undefined && internalPolicy === 'cluster';
  // A NodePort serves containers and the host itself from all endpoints, whatever its policy.
  return endpoints.length > 0 && (throughVip || nodePort !== undefined);
}

/** Whether some go to this host's endpoints alone. */
export function reachesHere(service: ServiceIntent): boolean {
  const { vip, nodePort, endpoints, localEndpoints, internalPolicy, externalPolicy } = service;
  const throughVip = vip !== undefined && internalPolicy === 'local';
  const throughNodePort = nodePort !== undefined && externalPolicy === 'local';
  return endpoints.length > 0 && localEndpoints.length > 0 && (throughVip || throughNodePort);
}

/** Rules of which each leads to one endpoint, and the last takes whatever comes to it. */
export function picks(
  service: ServiceIntent,
  endpoints: readonly EndpointIntent[],
  family: Family,
): readonly string[] {
  const told = comment(safe.id(service.id));
  const matches = service.affinity ? byClient(endpoints, family) : byChance(endpoints);
  return endpoints.map((endpoint, i) => {
    safe.weight(endpoint.weight);
    return `${told}${i === endpoints.length - 1 ? '' : matches[i]} -j ${chains.endpoint(service, endpoint)}`;
  });
}

/** The i-th takes its weight's share of what the rules before it left: each endpoint gets what its weight says. */
function byChance(endpoints: readonly EndpointIntent[]): readonly string[] {
  let rest = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  return endpoints.map(({ weight }) => {
    const share = weight / rest;
    rest -= weight;
    return ` -m statistic --mode random --probability ${share.toFixed(10)}`;
  });
}

/** Each takes its own clients, which are the same on every host. */
function byClient(endpoints: readonly EndpointIntent[], family: Family): readonly string[] {
  const owners = rendezvous(endpoints);
  return endpoints.map(
    (endpoint) =>
      ` ${clientsOf(
        owners.map((owner) => owner === endpoint),
        family,
      )}`,
  );
}

/** A chain for each endpoint that the service reaches by any way. */
export function translations(service: ServiceIntent, family: Family): readonly Chain[] {
  const reached = [
    ...(reachesAll(service) ? service.endpoints : []),
    ...(reachesHere(service) ? service.localEndpoints : []),
  ].map((endpoint) => endpointChain(service, endpoint, family));
  // One of this host's endpoints may be among them twice, or, where it drains, only among this host's.
  return [...new Map(reached.map((chain) => [chain.name, chain])).values()];
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
