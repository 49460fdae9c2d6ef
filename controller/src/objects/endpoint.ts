import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { parseAddress } from '@causeway/shared/net/cidr';
import { z } from 'zod';
import type { Stored, Tables } from '../view/tables.ts';
import { revision } from './schemas.ts';

export const endpointSchema = z
  .object({
    service: z.string(),
    portName: z.string(),
    address: z.string(),
    port: z.int(),
    ref: z.string().describe('The reference that led here, as the user typed it.'),
    container: z.string().optional(),
    node: z.string().optional(),
    revision,
  })
  .meta({ id: 'Endpoint' });

export type EndpointObject = z.output<typeof endpointSchema>;

/** The endpoints of one set, in its order. */
export function endpointObjects(set: Stored<EndpointSet> | undefined): readonly EndpointObject[] {
  if (set === undefined) return [];
  return set.value.endpoints.map((endpoint) => ({
    service: set.value.service,
    ...endpoint,
    revision: set.revision,
  }));
}

/** Every endpoint of every service, by service. */
export function allEndpoints(tables: Tables): readonly EndpointObject[] {
  return [...tables.endpoints.keys()].sort().flatMap((name) => endpointObjects(tables.endpoints.get(name)));
}

/** What tells one endpoint from every other; sorts as services and their sets do. */
export function endpointId({ service, portName, address, port }: EndpointObject): string {
  const place = (parseAddress(address) ?? 0).toString(16).padStart(8, '0');
  return `${service} ${portName} ${place}:${String(port).padStart(5, '0')}`;
}
