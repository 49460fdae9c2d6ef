import { EVENT_KINDS } from '@causeway/shared/model/event';
import { z } from 'zod';
import type { Tables } from '../view/tables.ts';
import { revision } from './schemas.ts';

export const eventSchema = z
  .object({
    node: z.string(),
    sequence: z.int().describe("Grows by one with each event of the host; only a host's last ones are kept."),
    at: z.string(),
    kind: z.enum(EVENT_KINDS),
    severity: z.enum(['info', 'warning']),
    message: z.string(),
    revision,
  })
  .meta({ id: 'Event' });

export type EventObject = z.output<typeof eventSchema>;

/** The events of one host or of all, oldest first. */
export function eventObjects(tables: Pick<Tables, 'event'>, host?: string): readonly EventObject[] {
  return [...tables.event.values()]
    .map(({ value, revision }) => ({ ...value, revision }))
    .filter(({ node }) => host === undefined || node === host)
    .sort((a, b) => (eventId(a) < eventId(b) ? -1 : 1));
}

/** Sorts by time; tells one event from every other. */
export function eventId({ at, node, sequence }: Pick<EventObject, 'at' | 'node' | 'sequence'>): string {
  return `${at} ${node} ${String(sequence).padStart(12, '0')}`;
}
