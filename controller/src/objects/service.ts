import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { POLICIES, PROTOCOLS, type ServiceSpec, WHEN_UNHEALTHY } from '@causeway/shared/model/service';
import { type Block, blockHasIp, familyOf, formatBlock, parseIp } from '@causeway/shared/net/block';
import { type ByFamily, FAMILIES, FAMILY_NAMES } from '@causeway/shared/net/family';
import { z } from 'zod';
import { networksOf } from '../view/facts.ts';
import type { Tables } from '../view/tables.ts';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

const servicePort = z.object({
  name: z.string(),
  protocol: z.enum(PROTOCOLS),
  port: z.int(),
  targetPort: z.int(),
  nodePort: z.int().optional(),
});

const endpointRef = z.object({
  to: z.string().describe('As the user typed it.'),
  weight: z.int().optional().describe('Absent: 1.'),
  drain: z.object({ until: z.string().optional() }).optional().describe('Absent: it is not drained.'),
});

const healthCheck = z.object({
  type: z.enum(['tcp', 'http', 'https', 'command']),
  port: z.int().optional(),
  path: z.string().optional(),
  command: z.array(z.string()).readonly().optional(),
  intervalMs: z.int(),
  timeoutMs: z.int(),
  rise: z.int(),
  fall: z.int(),
});

const status = z.object({
  endpoints: z.int().describe('How many endpoints each port has, of all families and in all states.'),
  ready: z.int().describe('How many of them are ready.'),
  unresolved: z.array(z.string()).readonly().describe('References that lead nowhere, each as a sentence.'),
  warnings: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('What is taken and may lead nowhere, each as a sentence.'),
});

export const serviceSchema = z
  .object({
    name: z.string(),
    vips: z.array(z.string()).readonly().describe('None, one, or one of each family.'),
    families: z.array(z.enum(FAMILIES)).readonly(),
    ports: z.array(servicePort).readonly(),
    endpoints: z.array(endpointRef).readonly(),
    selector: z.record(z.string(), z.string()).optional(),
    affinity: z.enum(['client']).optional(),
    externalPolicy: z.enum(POLICIES).optional(),
    internalPolicy: z.enum(POLICIES).optional(),
    sourceRanges: z.array(z.string()).readonly().optional(),
    publishNotReady: z.boolean().optional(),
    health: healthCheck.optional(),
    whenUnhealthy: z.enum(WHEN_UNHEALTHY).optional(),
    createdAt: z.string(),
    revision,
    status,
  })
  .meta({ id: 'Service' });

export type ServiceObject = z.output<typeof serviceSchema>;

export const services: Collection<'service', ServiceObject> = {
  source: 'causeway',
  kind: 'service',
  also: ['endpoints'],
  present: (row, id, tables) =>
    serviceObject(row.value, row.revision, tables.endpoints.get(id)?.value, networksIn(tables)),
};

export function serviceObject(
  spec: ServiceSpec,
  revision: number,
  set: EndpointSet | undefined,
  networks: ByFamily<Block>,
): ServiceObject {
  const portName = spec.ports[0]?.name;
  const endpoints = set?.endpoints.filter((endpoint) => endpoint.portName === portName) ?? [];
  const warnings = set === undefined ? [] : [...strays(set, networks), ...bareFamilies(spec, set)];
  return {
    ...spec,
    revision,
    status: {
      endpoints: endpoints.length,
      ready: endpoints.filter(({ state = 'ready' }) => state === 'ready').length,
      unresolved: set?.unresolved ?? [],
      ...(warnings.length === 0 ? {} : { warnings }),
    },
  };
}

/** Endpoints inside the container network where no host is: nothing answers there, unless a host gets the subnet. */
function strays({ endpoints }: EndpointSet, networks: ByFamily<Block>): readonly string[] {
  const found = endpoints.flatMap(({ node, address, ref }) => {
    const ip = node === undefined ? parseIp(address) : undefined;
    const network = ip && networks[ip.family];
    if (ip === undefined || network === undefined || !blockHasIp(network, ip)) return [];
    return [
      `"${ref}" is inside the container network ${formatBlock(network)}, and no host has a subnet there`,
    ];
  });
  return [...new Set(found)];
}

/** A family that is served, and that no endpoint has though the other one has some: who comes by it is refused. */
function bareFamilies({ families }: ServiceSpec, { endpoints }: EndpointSet): readonly string[] {
  if (endpoints.length === 0 || families.length < 2) return [];
  const had = new Set(endpoints.map(({ address }) => familyOf(address)));
  return families
    .filter((family) => !had.has(family))
    .map((family) => `no endpoint has an ${FAMILY_NAMES[family]} address, and the service is served in it`);
}

/** The container network, as far as services know of one: what hosts last followed, for what etcd has may wait. */
export function networksIn(tables: Pick<Tables, 'accepted' | 'config'>): ByFamily<Block> {
  const followed = tables.accepted.get('') ?? tables.config.get('');
  return followed === undefined ? {} : networksOf(followed.value);
}
