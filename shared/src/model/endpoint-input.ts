import { z } from 'zod';
import type { EndpointRef } from './service.ts';

/** Longest reference to an endpoint: a container's name, a colon and a port. */
const MAX_REF = 80;
export const MAX_WEIGHT = 100;
/** Thirty days. */
const MAX_DEADLINE_SECONDS = 30 * 86_400;

const EXAMPLES = '"10.10.1.2:12345", "[fd00::2]:12345" or "web-1"';
const WEIGHT_ERROR = `is not a weight: a whole number from 0 to ${MAX_WEIGHT} is needed`;
const UNTIL_ERROR = 'is not a time such as "2026-01-31T12:00:00Z"';
const DRAIN_ERROR = 'is not a drain: true, false or {"until":"2026-01-31T12:00:00Z"} is needed';
const DEADLINE_ERROR = `is not a deadline: a whole number of seconds from 0 to ${MAX_DEADLINE_SECONDS} is needed`;
const ENDPOINT_ERROR = `is not an endpoint: text such as ${EXAMPLES}, or an object with "to" is needed`;

const refSchema = z
  .string({ error: `is not an endpoint: text such as ${EXAMPLES} is needed` })
  .min(1, { error: `is empty: an endpoint such as ${EXAMPLES} is needed` })
  .max(MAX_REF, { error: `is longer than ${MAX_REF} characters, so it is no endpoint` })
  .describe('`10.10.1.2:12345`, `[fd00::2]:12345`, `10.10.1.2`, `web-1:12345` or `web-1`.');

const weightSchema = z
  .number({ error: WEIGHT_ERROR })
  .int({ error: WEIGHT_ERROR })
  .min(0, { error: WEIGHT_ERROR })
  .max(MAX_WEIGHT, { error: WEIGHT_ERROR })
  .describe('Share of new connections beside the others’; 0: none. Default: 1.');

/** In a definition a deadline is a moment, so that the same definition twice asks for the same. */
const drainSchema = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        until: z.iso
          .datetime({ offset: true, error: UNTIL_ERROR })
          .optional()
          .describe('Then its connections are cut, and it takes none. Absent: never.'),
      }),
    ],
    { error: DRAIN_ERROR },
  )
  .describe('No new connections while others are there; those that stand go on.');

/** An endpoint with what is said of it. */
export const endpointInputSchema = z
  .strictObject({ to: refSchema, weight: weightSchema.optional(), drain: drainSchema.optional() })
  .meta({ id: 'EndpointDefinition' });

/** As a part of a service: the text alone is enough. */
export const endpointRefSchema = z
  .union([refSchema, endpointInputSchema], { error: ENDPOINT_ERROR })
  .transform((input): EndpointRef => (typeof input === 'string' ? { to: input } : refOf(input)));

/** What may be changed of an endpoint; what is left out stays. Here a deadline is a time from now. */
export const endpointPatchSchema = z
  .strictObject({
    weight: weightSchema.optional(),
    drain: z
      .union(
        [
          z.boolean(),
          z.strictObject({
            deadlineSeconds: z
              .number({ error: DEADLINE_ERROR })
              .int({ error: DEADLINE_ERROR })
              .min(0, { error: DEADLINE_ERROR })
              .max(MAX_DEADLINE_SECONDS, { error: DEADLINE_ERROR })
              .describe('From now on until its connections are cut and it takes none, seconds.'),
          }),
        ],
        { error: 'is not a drain: true, false or {"deadlineSeconds":60} is needed' },
      )
      .optional()
      .describe('`true`: without a deadline; `false`: not any more.'),
  })
  .refine(({ weight, drain }) => weight !== undefined || drain !== undefined, {
    error: 'changes nothing: a weight or a drain is needed',
  })
  .meta({ id: 'EndpointPatch' });

export type ParsedEndpointInput = z.output<typeof endpointInputSchema>;
export type EndpointPatch = z.output<typeof endpointPatchSchema>;

/** As it is stored: what says nothing is left out. */
export function refOf({ to, weight, drain }: ParsedEndpointInput): EndpointRef {
  const until = typeof drain === 'object' ? drain.until : undefined;
  return {
    to,
    ...(weight === undefined ? {} : { weight }),
    ...(drain === undefined || drain === false ? {} : { drain: until === undefined ? {} : { until } }),
  };
}
