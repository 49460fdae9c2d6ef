import { ENDPOINT_STATES, type EndpointSet } from '@causeway/shared/model/endpoint';
import { z } from 'zod';
import { placeKey } from '../endpoints/ref.ts';
import type { Stored, Tables } from '../view/tables.ts';
import { revision } from './schemas.ts';

export const endpointSchema = z
  .object({
    service: z.string(),
    portName: z.string(),
    address: z.string(),
    port: z.int(),
    ref: z
      .string()
      .describe('The reference that led here, as the user typed it; the name of what a selector found.'),
    state: z
      .enum(ENDPOINT_STATES)
      .describe(
        '`draining`: only where none is ready; `unready`: its check fails, or its host is dead; `drained`: the deadline of its drain is over, and its connections are cut.',
      ),
    reason: z.string().optional().describe('Why it is not ready; a sentence.'),
    weight: z.int().describe('Share of new connections beside the others’; 0: none.'),
    drainUntil: z.string().optional().describe('Then it is drained.'),
    container: z.string().optional(),
    node: z.string().optional(),
    checkedBy: z
      .string()
      .optional()
      .describe('The host whose agent asks for its health. Absent: nobody asks.'),
    unaskedUntil: z
      .string()
      .optional()
      .describe('Nobody has asked it yet; if nobody does until then, it counts as healthy.'),
    revision,
  })
  .meta({ id: 'Endpoint' });

export type EndpointObject = z.output<typeof endpointSchema>;

/** The endpoints of one set, in its order. */
export function endpointObjects(set: Stored<EndpointSet> | undefined): readonly EndpointObject[] {
  if (set === undefined) return [];
  return set.value.endpoints.map((endpoint) => ({
    service: set.value.service,
    state: 'ready',
    weight: 1,
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
  return `${service} ${portName} ${placeKey({ address, port })}`;
}
