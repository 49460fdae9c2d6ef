import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { Protocol } from '@causeway/shared/model/service';
import type { ParsedServiceInput, ParsedServicePort } from '@causeway/shared/model/service-input';
import { formatBlock } from '@causeway/shared/net/block';
import { containsAddress, formatCidr } from '@causeway/shared/net/cidr';
import { unicastAddress } from './address.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { checkEndpointRef, checkNoDuplicates } from './endpoint-ref.ts';

/** Most places that a service's ports lead to, all ports together: they are one value in etcd, of 1.5 MB at most. */
const MAX_PLACES = 4_000;

/** A valid service that may still wait for a VIP, NodePorts and so a name. */
export interface ServiceDraft {
  readonly name?: string;
  readonly vip: string | 'auto' | 'none';
  readonly ports: readonly DraftPort[];
  readonly endpoints: readonly string[];
}

export interface DraftPort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly targetPort: number;
  readonly nodePort?: number | 'auto';
}

/**
 * Checks what the user asked for against itself and against the cluster.
 *
 * @param self the service that is being replaced: what it has is its own
 * @throws CausewayError `invalid`, or `conflict` when another service has the VIP or a NodePort
 */
export function checkService(
  input: ParsedServiceInput,
  facts: ClusterFacts,
  self: { readonly name: string; readonly vip?: string } | undefined,
): ServiceDraft {
  const selfName = self?.name ?? input.name;
  if (facts.network === undefined) throw noIpv4(input.vip);
  checkVip(input.vip, selfName, facts);
  const ports = withNames(input.ports);
  checkPorts(ports);
  ports.forEach((port, index) => {
    checkNodePort(`ports[${index}].nodePort`, port, selfName, facts);
  });
  if (input.vip === 'none' && ports.every((port) => port.nodePort === undefined)) {
    throw invalid('vip', input.vip, 'leaves the service unreachable: without a VIP a port needs a nodePort');
  }
  const vip = input.vip === 'auto' ? self?.vip : input.vip;
  const places = ports.length * input.endpoints.length;
  if (places > MAX_PLACES) {
    const each = `${input.endpoints.length} for each of ${ports.length} ports`;
    throw invalid(
      'endpoints',
      places,
      `is too much: ${each}, and a service has at most ${MAX_PLACES} in all`,
    );
  }
  checkNoDuplicates('endpoints', input.endpoints);
  input.endpoints.forEach((ref, index) => {
    checkEndpointRef(`endpoints[${index}]`, ref, { ...(vip === undefined ? {} : { vip }), ports }, facts);
  });
  return {
    vip: input.vip,
    ports,
    endpoints: input.endpoints,
    ...(input.name === undefined ? {} : { name: input.name }),
  };
}

function noIpv4(vip: string): CausewayError {
  return invalid(
    'vip',
    vip,
    'cannot be served yet: services are IPv4, and the container network is IPv6 only',
  );
}

function checkVip(vip: string, self: string | undefined, facts: ClusterFacts): void {
  if (vip === 'auto' || vip === 'none') return;
  const address = unicastAddress('vip', vip, vip, 'is not an IPv4 address, "auto" or "none"');
  if (facts.network !== undefined && containsAddress(facts.network, address)) {
    throw invalid('vip', vip, `is inside the container network ${formatCidr(facts.network)}`);
  }
  const host = facts.hostOf(vip);
  if (host !== undefined) throw invalid('vip', vip, `is an address of host "${host}"`);
  const near = facts.networkAt(address);
  if (near !== undefined) {
    throw invalid(
      'vip',
      vip,
      `is inside ${formatBlock(near.network)}, the network of host "${near.host}", where a machine may have it`,
    );
  }
  const served = facts.serviceWithEndpointAt(vip);
  if (served !== undefined)
    throw invalid('vip', vip, `is the address of an endpoint of service ${show(served)}`);
  const owner = facts.vipOwner(vip);
  if (owner !== undefined && owner !== self) {
    throw new CausewayError(
      'conflict',
      `vip "${vip}" is taken by service ${show(owner)}; add the port to that service, or choose another address`,
      { field: 'vip', value: vip },
    );
  }
}

/** A single port needs no name; several get `tcp-88` when the user gave none. */
function withNames(ports: readonly ParsedServicePort[]): readonly DraftPort[] {
  return ports.map((port) => ({
    name: port.name ?? (ports.length === 1 ? '' : `${port.protocol}-${port.port}`),
    protocol: port.protocol,
    port: port.port,
    targetPort: port.targetPort ?? port.port,
    ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
  }));
}

function checkPorts(ports: readonly DraftPort[]): void {
  const seen = {
    port: new Map<string, number>(),
    name: new Map<string, number>(),
    nodePort: new Map<string, number>(),
  };
  const once = (kind: keyof typeof seen, key: string, index: number, value: unknown) => {
    const first = seen[kind].get(key);
    if (first !== undefined) {
      throw invalid(`ports[${index}].${kind}`, value, `is that of ports[${first}] already`);
    }
    seen[kind].set(key, index);
  };
  ports.forEach((port, index) => {
    once('port', `${port.protocol}/${port.port}`, index, port.port);
    once('name', port.name, index, port.name);
    if (typeof port.nodePort === 'number') {
      once('nodePort', `${port.protocol}/${port.nodePort}`, index, port.nodePort);
    }
  });
}

function checkNodePort(field: string, port: DraftPort, self: string | undefined, facts: ClusterFacts): void {
  const { nodePort, protocol } = port;
  if (typeof nodePort !== 'number') return;
  if (nodePort < facts.nodePortMin || nodePort > facts.nodePortMax) {
    throw invalid(
      field,
      nodePort,
      `is outside of the NodePort range ${facts.nodePortMin}-${facts.nodePortMax}`,
    );
  }
  const owner = facts.nodePortOwner(protocol, nodePort);
  if (owner !== undefined && owner !== self) {
    throw new CausewayError(
      'conflict',
      `${field} ${nodePort} is taken by service ${show(owner)} (${protocol})`,
      {
        field,
        value: nodePort,
      },
    );
  }
}
