import { z } from 'zod';
import { CausewayError, ERROR_CODES } from '../errors.ts';

const problem = z.object({
  code: z.enum(ERROR_CODES),
  detail: z.string(),
  field: z.string().exactOptional(),
  value: z.unknown().optional(),
});

/** PURE. An error as an agent tells it. */
export function problemText(error: CausewayError): string {
  const { code, message: detail, field, value } = error;
  return JSON.stringify({ code, detail, ...(field === undefined ? {} : { field, value }) });
}

/** PURE. The error that an agent told; what is none is told as such. */
export function problemFrom(text: string, status: number, place: string): CausewayError {
  const found = problem.safeParse(parsed(text));
  if (!found.success)
    return new CausewayError('internal', `asking the agent of ${place}: it answered with status ${status}`);
  const { code, detail, field, value } = found.data;
  return new CausewayError(code, detail, field === undefined ? {} : { field, value });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
