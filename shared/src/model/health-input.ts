import { z } from 'zod';
import { portSchema } from './input.ts';
import type { HealthCheck } from './service.ts';

/** What a check has that says nothing of its own. */
export const DEFAULT_HEALTH = { intervalMs: 10_000, timeoutMs: 1_000, rise: 1, fall: 3 } as const;

/** Shortest and longest pause between two questions, milliseconds. */
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
const MIN_TIMEOUT_MS = 10;
const MAX_COUNT = 100;
const MAX_PATH = 1_024;
const MAX_ARGUMENTS = 64;
const MAX_ARGUMENT = 4_096;

const TYPES = ['tcp', 'http', 'https', 'command'] as const;
const COMMAND_ERROR = 'is not a list of texts: a program and its arguments are needed';
const PATH_ERROR = `is not a path such as "/health": at most ${MAX_PATH} printable characters without spaces are allowed, the first a "/"`;

const milliseconds = (min: number) => {
  const error = `is not a time: a whole number of milliseconds from ${min} to ${MAX_INTERVAL_MS} is needed`;
  return z.number({ error }).int({ error }).min(min, { error }).max(MAX_INTERVAL_MS, { error });
};
const countError = `is not a count: a whole number from 1 to ${MAX_COUNT} is needed`;
const count = z
  .number({ error: countError })
  .int({ error: countError })
  .min(1, { error: countError })
  .max(MAX_COUNT, { error: countError });

const argument = z
  .string({ error: 'is not text' })
  .max(MAX_ARGUMENT, { error: `is longer than ${MAX_ARGUMENT} characters` })
  .refine((text) => !text.includes('\0'), { error: 'holds a NUL character' });

/**
 * How a user asks for an endpoint's health. Times are whole milliseconds and say so in their names, as in what is
 * stored and shown, so that what was shown can be sent again.
 */
export const healthInputSchema = z
  .strictObject({
    type: z
      .enum(TYPES, { error: `is not a kind of check: ${TYPES.join(', ')} are known` })
      .describe(
        '`tcp`: it takes a connection; `http`, `https`: it answers 200 to 399; `command`: it ends with 0.',
      ),
    port: portSchema.optional().describe("Default: the endpoint's own."),
    path: z
      .string({ error: PATH_ERROR })
      .max(MAX_PATH, { error: PATH_ERROR })
      .regex(/^\/[\x21-\x7e]*$/, { error: PATH_ERROR })
      .optional()
      .describe('Of `http` and `https`: what is asked for; default: `/`.'),
    command: z
      .array(argument, { error: COMMAND_ERROR })
      .min(1, { error: 'is empty: a program is needed' })
      .max(MAX_ARGUMENTS, { error: `has more than ${MAX_ARGUMENTS} parts` })
      .optional()
      .describe('Of `command`: program and arguments, run in the container of the endpoint.'),
    intervalMs: milliseconds(MIN_INTERVAL_MS)
      .default(DEFAULT_HEALTH.intervalMs)
      .describe('From one question to the next, milliseconds.'),
    timeoutMs: milliseconds(MIN_TIMEOUT_MS)
      .optional()
      .describe(
        'How long an answer may take, milliseconds; default: 1000, and never more than `intervalMs`.',
      ),
    rise: count.default(DEFAULT_HEALTH.rise).describe('Good answers in a row that make it healthy again.'),
    fall: count.default(DEFAULT_HEALTH.fall).describe('Bad answers in a row that make it unhealthy.'),
  })
  .superRefine((check, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    const { type, intervalMs, timeoutMs } = check;
    const isHttp = type === 'http' || type === 'https';
    if (type === 'command' && check.command === undefined)
      refuse('command', 'is missing: a check of the type "command" needs a program');
    if (type !== 'command' && check.command !== undefined)
      refuse('command', `is for a check of the type "command", and this one is of the type "${type}"`);
    if (!isHttp && check.path !== undefined)
      refuse('path', `is for a check of the type "http" or "https", and this one is of the type "${type}"`);
    if (type === 'command' && check.port !== undefined)
      refuse('port', 'means nothing to a check of the type "command"');
    if (timeoutMs !== undefined && timeoutMs > intervalMs)
      refuse(
        'timeoutMs',
        `is more than intervalMs, ${intervalMs}: an answer would come after the next question`,
      );
  })
  .transform(completed)
  .meta({ id: 'HealthCheckDefinition' });

type Parsed = Omit<HealthCheck, 'port' | 'path' | 'command' | 'timeoutMs'> & {
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly timeoutMs?: number | undefined;
};

function completed({ type, port, path, command, timeoutMs, ...counted }: Parsed): HealthCheck {
  return {
    type,
    ...(port === undefined ? {} : { port }),
    ...(type === 'http' || type === 'https' ? { path: path ?? '/' } : {}),
    ...(command === undefined ? {} : { command }),
    ...counted,
    timeoutMs: timeoutMs ?? Math.min(DEFAULT_HEALTH.timeoutMs, counted.intervalMs),
  };
}
