import type { ServiceIntent } from '@causeway/shared/desired/intent';

/**
 * The layout of kube-proxy's nftables mode before 1.36, for comparison: verdict maps lead to a chain for each
 * service, and its random number to a chain for each endpoint.
 */
export function chainsPerService(services: readonly ServiceIntent[]): string {
  const chains = services.flatMap((service) => [
    ...service.endpoints.map((_, i) => `add chain ip bench ${service.id}-${i}`),
    `add chain ip bench ${service.id}`,
  ]);
  const rules = services.flatMap((service) => [
    ...service.endpoints.map((_, i) => endpointRule(service, i)),
    serviceRule(service),
  ]);
  const elements = services.map(
    ({ id, vip, protocol, port }) => `  ${vip} . ${protocol} . ${port} : goto ${id}`,
  );
  return [
    BASE,
    ...chains,
    ...rules,
    `add element ip bench service-ips {\n${elements.join(',\n')}\n}`,
    '',
  ].join('\n');
}

/** One endpoint moves: its chain, and its service's, are filled anew. */
export function endpointMoved(service: ServiceIntent, turn: number): string {
  const [first] = service.endpoints;
  if (first === undefined) throw new Error('a service of the bench has no endpoint');
  const address = `10.10.1.${200 + (turn % 2)}`;
  const changed = { ...service, endpoints: [{ ...first, address }, ...service.endpoints.slice(1)] };
  return [
    `flush chain ip bench ${service.id}-0`,
    `flush chain ip bench ${service.id}`,
    endpointRule(changed, 0),
    serviceRule(changed),
    '',
  ].join('\n');
}

function endpointRule(service: ServiceIntent, i: number): string {
  const { address, port } = service.endpoints[i] ?? { address: '', port: 0 };
  const chain = `add rule ip bench ${service.id}-${i}`;
  return `${chain} ip saddr ${address} jump mark-for-masquerade\n${chain} meta l4proto ${service.protocol} dnat to ${address}:${port}`;
}

function serviceRule({ id, vip, protocol, port, endpoints }: ServiceIntent): string {
  const chain = `add rule ip bench ${id}`;
  const ways = endpoints.map((_, i) => `${i} : goto ${id}-${i}`).join(', ');
  const outside = `ip daddr ${vip} ${protocol} dport ${port} ip saddr != 10.10.0.0/16 jump mark-for-masquerade`;
  return `${chain} ${outside}\n${chain} numgen random mod ${endpoints.length} vmap { ${ways} }`;
}

const BASE = `table ip bench {
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  chain mark-for-masquerade { meta mark set meta mark or 0x2000; }
  chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
}`;
