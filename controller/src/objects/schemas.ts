import { z } from 'zod';
import { PROBLEM_TYPE, problemSchema } from '../problem.ts';

/** A switch of the query: `?watch`, `?watch=true`, `?watch=1`. */
export const FLAG_ERROR = 'is neither "true" nor "false"';
export const flag = z
  .enum(['', 'true', '1', 'false', '0'], { error: FLAG_ERROR })
  .default('false')
  .transform((text) => text !== 'false' && text !== '0');

const LIMIT_ERROR = 'is not a limit: a whole number from 1 to 10000 is needed';

export const listQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$|^10000$/, { error: LIMIT_ERROR })
    .transform(Number)
    .optional()
    .describe('Most objects of one answer.'),
  continue: z
    .string()
    .max(400, { error: 'is too long' })
    .optional()
    .describe("The last answer's `continue`."),
  watch: flag.describe('Answer as server-sent events `added`, `modified`, `deleted`, after a first list.'),
});

export const writeQuery = z.strictObject({
  dryRun: flag.describe('Check, and answer what would be; change nothing.'),
});

/** Names in paths are looked up, not judged. */
export const nameParams = z.object({ name: z.string() });

export const revision = z.int().describe("etcd's revision that wrote the object.");

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item).readonly(),
    revision: z.int().describe('Everything up to this revision of etcd is in the list.'),
    continue: z.string().optional().describe('There is more: send it as `?continue=`.'),
  });
}

export const deletedSchema = z.object({
  name: z.string(),
  revision: z.int().describe('The revision of the deletion.'),
});

const problem = {
  description: 'What is wrong, in one sentence.',
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
};
/** The failures that any route may answer. */
export const problems = { '4xx': problem, '5xx': problem };
