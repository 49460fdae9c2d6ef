import { show } from '../errors.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { HostFacts } from '../model/host-facts.ts';
import { PROTOCOLS, type ServicePort, type ServiceSpec } from '../model/service.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { BRIDGE, DEFAULT_MARK } from '../names.ts';
import { containsAddress, formatCidr, parseAddress, parseCidr } from '../net/cidr.ts';
import type { EndpointIntent, FirewallIntent, ServiceIntent } from './intent.ts';

export interface Firewall {
  readonly intent: FirewallIntent;
  readonly problems: readonly string[];
}

/** Services and their endpoints as the packet filter sees them: sorted, without doubles, everything checked again. */
export function firewallIntent(snapshot: Snapshot, facts: HostFacts, ownSubnet: string): Firewall {
  const problems: string[] = [];
  const claims = new Map<string, string>();
  const services = snapshot.services
    .flatMap((spec) => servicesOf(spec, snapshot.endpoints.get(spec.name), problems))
    .sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)))
    .filter((service) => {
      const reason = forbidden(service, snapshot, facts) ?? claim(service, claims);
      if (reason !== undefined) problems.push(`service ${show(service.id)} is left out: ${reason}`);
      return reason === undefined;
    });
  const intent = {
    network: normal(snapshot.config.network),
    subnet: normal(ownSubnet),
    bridge: BRIDGE,
    mark: DEFAULT_MARK,
    serviceRange: normal(snapshot.settings.serviceRange),
    services,
  };
  return { intent, problems };
}

/** With its host bits zero; a text that is no CIDR is left for the renderer to refuse. */
function normal(cidr: string): string {
  const parsed = parseCidr(cidr);
  return parsed === undefined ? cidr : formatCidr(parsed);
}

function servicesOf(
  spec: ServiceSpec,
  resolved: EndpointSet | undefined,
  problems: string[],
): readonly ServiceIntent[] {
  return spec.ports.map((port) => ({
    id: port.name === '' ? spec.name : `${spec.name}:${port.name}`,
    ...(spec.vip === undefined ? {} : { vip: spec.vip }),
    protocol: port.protocol,
    port: port.port,
    ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
    endpoints: endpointsOf(spec, port, resolved, problems),
  }));
}

function endpointsOf(
  spec: ServiceSpec,
  port: ServicePort,
  resolved: EndpointSet | undefined,
  problems: string[],
): readonly EndpointIntent[] {
  const sorted = new Map<number, EndpointIntent>();
  for (const endpoint of resolved?.endpoints ?? []) {
    if (endpoint.portName !== port.name) continue;
    const address = parseAddress(endpoint.address);
    if (address === undefined || !isPort(endpoint.port) || endpoint.address === spec.vip)
      problems.push(
        `service ${show(spec.name)}: endpoint ${show(`${endpoint.address}:${endpoint.port}`)} is left out: it cannot be reached`,
      );
    // One number orders by address, then by port.
    else sorted.set(address * 65536 + endpoint.port, { address: endpoint.address, port: endpoint.port });
  }
  return [...sorted].sort(([a], [b]) => a - b).map(([, endpoint]) => endpoint);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** The controller let none of this through; a key that somebody else wrote into etcd may still hold it. */
function forbidden(service: ServiceIntent, snapshot: Snapshot, facts: HostFacts): string | undefined {
  if (!/^[a-z0-9:-]{1,127}$/.test(service.id)) return 'its name holds more than a-z, 0-9 and -';
  if (!PROTOCOLS.includes(service.protocol)) return `its protocol is ${show(service.protocol)}`;
  if (!isPort(service.port)) return `its port is ${show(service.port)}`;
  if (service.nodePort !== undefined && !isPort(service.nodePort))
    return `its NodePort is ${show(service.nodePort)}`;
  if (service.vip === undefined) return undefined;
  const vip = parseAddress(service.vip);
  if (vip === undefined) return `its VIP is ${show(service.vip)}`;
  const network = parseCidr(snapshot.config.network);
  if (network !== undefined && containsAddress(network, vip))
    return `its VIP ${service.vip} lies in the container network`;
  if (service.vip === facts.publicIp) return `its VIP ${service.vip} is this host's own address`;
  return undefined;
}

/** One service per VIP, protocol and port, and one per NodePort; the first by id keeps it. */
function claim(service: ServiceIntent, claims: Map<string, string>): string | undefined {
  const wanted = [
    `id ${service.id}`,
    ...(service.vip === undefined ? [] : [`${service.vip} ${service.protocol} ${service.port}`]),
    ...(service.nodePort === undefined ? [] : [`NodePort ${service.protocol} ${service.nodePort}`]),
  ];
  for (const one of wanted) {
    const owner = claims.get(one);
    if (owner !== undefined) return `${one} is taken by ${show(owner)}`;
  }
  for (const one of wanted) claims.set(one, service.id);
  return undefined;
}
