import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { PROTOCOLS, type ServiceSpec } from '@causeway/shared/model/service';
import { z } from 'zod';
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
    }),
  })
  .meta({ id: 'Service' });

export type ServiceObject = z.output<typeof serviceSchema>;

export const services: Collection<'service', ServiceObject> = {
  source: 'causeway',
  kind: 'service',
  also: ['endpoints'],
  present: (row, id, tables) => serviceObject(row.value, row.revision, tables.endpoints.get(id)?.value),
};

export function serviceObject(
  spec: ServiceSpec,
  revision: number,
  endpoints: EndpointSet | undefined,
): ServiceObject {
  const portName = spec.ports[0]?.name;
  return {
    ...spec,
    revision,
    status: {
      endpoints: endpoints?.endpoints.filter((endpoint) => endpoint.portName === portName).length ?? 0,
      unresolved: endpoints?.unresolved ?? [],
    },
  };
}
