import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { PROTOCOLS, type ServiceSpec } from '@causeway/shared/model/service';
import { type Cidr, containsAddress, formatCidr, parseAddress, parseCidr } from '@causeway/shared/net/cidr';
import { z } from 'zod';
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

export const serviceSchema = z
  .object({
    name: z.string(),
    vip: z.string().optional(),
    ports: z.array(servicePort).readonly(),
    endpoints: z.array(z.string()).readonly().describe('References as the user typed them.'),
    createdAt: z.string(),
    revision,
    status: z.object({
      endpoints: z.int().describe('How many endpoints each port has.'),
      unresolved: z
        .array(z.string())
        .readonly()
        .describe('References that lead nowhere, each as a sentence.'),
      warnings: z
        .array(z.string())
        .readonly()
        .optional()
        .describe('References that are taken and may lead nowhere, each as a sentence.'),
    }),
  })
  .meta({ id: 'Service' });

export type ServiceObject = z.output<typeof serviceSchema>;

export const services: Collection<'service', ServiceObject> = {
  source: 'causeway',
  kind: 'service',
  also: ['endpoints'],
  present: (row, id, tables) =>
    serviceObject(row.value, row.revision, tables.endpoints.get(id)?.value, networkIn(tables)),
};

export function serviceObject(
  spec: ServiceSpec,
  revision: number,
  endpoints: EndpointSet | undefined,
  network: Cidr | undefined,
): ServiceObject {
  const portName = spec.ports[0]?.name;
  const warnings = strays(endpoints, network);
  return {
    ...spec,
    revision,
    status: {
      endpoints: endpoints?.endpoints.filter((endpoint) => endpoint.portName === portName).length ?? 0,
      unresolved: endpoints?.unresolved ?? [],
      ...(warnings.length === 0 ? {} : { warnings }),
    },
  };
}

/** Endpoints inside the container network where no host is: nothing answers there, unless a host gets the subnet. */
function strays(set: EndpointSet | undefined, network: Cidr | undefined): readonly string[] {
  if (set === undefined || network === undefined) return [];
  const refs = set.endpoints
    .filter(({ node, address }) => node === undefined && containsAddress(network, parseAddress(address) ?? 0))
    .map(({ ref }) => ref);
  return [...new Set(refs)].map(
    (ref) =>
      `"${ref}" is inside the container network ${formatCidr(network)}, and no host has a subnet there`,
  );
}

/** The container network, as far as services know of one: what hosts last followed, for what etcd has may wait. */
export function networkIn(tables: Pick<Tables, 'accepted' | 'config'>): Cidr | undefined {
  const followed = tables.accepted.get('') ?? tables.config.get('');
  return parseCidr(followed?.value.ipv4?.network ?? '');
}
