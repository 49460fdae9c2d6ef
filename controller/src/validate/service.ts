import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { Protocol, ServiceSpec } from '@causeway/shared/model/service';
import type { ParsedServiceInput, ParsedServicePort } from '@causeway/shared/model/service-input';
import { MAX_PLACES } from '../endpoints/resolve.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { checkEndpointRef, checkNoDuplicates, namesIn } from './endpoint-ref.ts';
import { publisherOf } from './node-port-places.ts';
import { checkSourceRanges } from './source-ranges.ts';
import { checkVips, type Frontends } from './vips.ts';

/** A valid service that may still wait for VIPs, NodePorts and so a name. */
export interface ServiceDraft
  extends Omit<ServiceSpec, 'name' | 'vips' | 'families' | 'ports' | 'createdAt'>,
    Frontends {
  readonly name?: string;
  readonly ports: readonly DraftPort[];
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
 * @throws CausewayError `invalid`, or `conflict` when another service has a VIP or a NodePort
 */
export function checkService(
  input: ParsedServiceInput,
  facts: ClusterFacts,
  self: Pick<ServiceSpec, 'name' | 'vips' | 'families' | 'endpoints'> | undefined,
): ServiceDraft {
  const selfName = self?.name ?? input.name;
  const frontends = checkVips(input, facts, self, selfName);
  const ports = withNames(input.ports);
  checkPorts(ports);
  ports.forEach((port, index) => {
    checkNodePort(`ports[${index}].nodePort`, port, selfName, facts);
  });
  const isHeadless = frontends.vips.length === 0 && ports.every((port) => port.nodePort === undefined);
  if (isHeadless && selfName === undefined)
    throw new CausewayError(
      'invalid',
      'name is missing: nothing else names a service without VIP and NodePorts',
      {
        field: 'name',
      },
    );
  checkHealth(input, ports);
  checkEndpoints(input, frontends, ports, self, facts);
  return {
    ...frontends,
    ports,
    endpoints: input.endpoints,
    ...(input.name === undefined ? {} : { name: input.name }),
    ...optionsOf(input, frontends),
  };
}

/** The fields that say something: one that has the value of an absent one is left out. */
function optionsOf(input: ParsedServiceInput, { families }: Frontends) {
  const { selector, affinity, externalPolicy, internalPolicy, health, whenUnhealthy } = input;
  return {
    ...(selector === undefined ? {} : { selector }),
    ...(affinity === 'none' ? {} : { affinity }),
    ...(externalPolicy === 'cluster' ? {} : { externalPolicy }),
    ...(internalPolicy === 'cluster' ? {} : { internalPolicy }),
    ...(input.sourceRanges === undefined
      ? {}
      : { sourceRanges: checkSourceRanges(input.sourceRanges, families) }),
    ...(input.publishNotReady ? { publishNotReady: true } : {}),
    ...(health === undefined ? {} : { health }),
    ...(whenUnhealthy === 'reject' ? {} : { whenUnhealthy }),
  };
}

/** A check by connection is asked at the endpoint's own port, which must be one of TCP. @throws CausewayError `invalid` */
function checkHealth({ health }: ParsedServiceInput, ports: readonly DraftPort[]): void {
  if (health === undefined || health.type === 'command' || health.port !== undefined) return;
  const port = ports.find(({ protocol }) => protocol !== 'tcp');
  if (port === undefined) return;
  throw new CausewayError(
    'invalid',
    `health.port is missing: ${port.port}/${port.protocol} takes no connections of TCP, and a check of the type "${health.type}" needs a port that does`,
    { field: 'health.port' },
  );
}

function checkEndpoints(
  { endpoints }: ParsedServiceInput,
  { vips, families }: Frontends,
  ports: readonly DraftPort[],
  self: Pick<ServiceSpec, 'vips' | 'endpoints'> | undefined,
  facts: ClusterFacts,
): void {
  checkPlaces('endpoints', { endpoints, ports, families });
  checkNoDuplicates('endpoints', endpoints);
  const known = vips.flatMap(({ address }) => address ?? []);
  // What is left open may stay what it is.
  const kept = known.length < vips.length ? (self?.vips ?? []) : [];
  const names = namesIn(self?.endpoints ?? []);
  endpoints.forEach(({ to }, index) => {
    checkEndpointRef(`endpoints[${index}]`, to, { vips: [...known, ...kept], families, ports }, facts, names);
  });
}

/** @throws CausewayError `invalid` when a service's endpoints are more than one value in etcd holds */
export function checkPlaces(
  field: string,
  { endpoints, ports, families }: { readonly [K in 'endpoints' | 'ports' | 'families']: readonly unknown[] },
): void {
  const places = ports.length * endpoints.length * families.length;
  if (places <= MAX_PLACES) return;
  const both = families.length > 1 ? ' and both families' : '';
  throw invalid(
    field,
    places,
    `is too much: ${endpoints.length} for each of ${ports.length} ports${both}, and a service has at most ${MAX_PLACES} in all`,
  );
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
  const publisher = publisherOf(facts, protocol, nodePort);
  if (publisher === undefined) return;
  throw new CausewayError(
    'conflict',
    `${field} ${nodePort} is taken: container ${show(publisher.container)} publishes port ${nodePort}/${protocol} of ${publisher.host}`,
    { field, value: nodePort },
  );
}
