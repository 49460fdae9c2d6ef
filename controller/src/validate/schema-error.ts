import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { z } from 'zod';

/** The parts of a request, in words. */
const PARTS: Readonly<Record<string, string>> = {
  body: 'the body',
  querystring: 'the query',
  params: 'the path',
  headers: 'the headers',
};

/** No input has more levels than a handful; what has more could not even be repeated in a sentence. */
const MAX_LEVELS = 50;

/**
 * Turns the first complaint of a schema into one sentence that names the field and the value.
 *
 * @param input what was parsed
 * @param part Fastify's word for the part of the request that it came from
 */
export function schemaError(error: z.ZodError, input: unknown, part: string): CausewayError {
  const issue = narrowed(error.issues[0]);
  const whole = PARTS[part] ?? part;
  if (isDeeper(input, MAX_LEVELS)) {
    return new CausewayError('invalid', `${whole} is nested deeper than ${MAX_LEVELS} levels`, {
      field: whole,
    });
  }
  if (issue === undefined) return new CausewayError('invalid', `${whole} is not valid`);
  const field = fieldOf(issue.path);
  const value = valueAt(input, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const path = fieldOf([...issue.path, key]);
    return invalid(path, valueAt(value, [key]), `is not a known field of ${field === '' ? whole : field}`);
  }
  // Fastify's word for no body at all is null.
  if (value === undefined || (value === null && field === '')) {
    const name = field === '' ? whole : field;
    const message =
      issue.code === 'invalid_type' && field === '' ? 'a JSON object is needed' : missing(issue.message);
    return new CausewayError('invalid', `${name} is missing${message === '' ? '' : `: ${message}`}`, {
      field: name,
    });
  }
  return invalid(field === '' ? whole : field, value, reasonOf(issue, value));
}

/**
 * What may have one of several forms, and has none of them, is told by the form that it was meant to have: the only
 * one whose kind of value it is.
 */
function narrowed(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const meant = issue.errors.flatMap(([first]) => {
    const isOtherKind = first === undefined || (first.path.length === 0 && isOfKind(first));
    return isOtherKind ? [] : [first];
  });
  const [only, ...others] = meant;
  if (only === undefined || others.length > 0) return issue;
  return narrowed({ ...only, path: [...issue.path, ...only.path] });
}

/** Whether an issue is about the kind of a value: text, number, list. */
function isOfKind({ code }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

function reasonOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== 'invalid_type') return issue.message;
  if (issue.expected === 'object') return 'is not an object';
  // What a schema says nothing of its own about: zod's words name no value. A query's field that is a list was repeated.
  if (!issue.message.startsWith('Invalid input')) return issue.message;
  return Array.isArray(value) ? 'is given more than once' : 'is not text';
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1));
}

/** `is not a port: a whole number … is needed` → `a whole number … is needed` */
function missing(message: string): string {
  const colon = message.indexOf(': ');
  return colon < 0 ? '' : message.slice(colon + 2);
}

/** `['ports', 0, 'port']` → `ports[0].port` */
function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = /^[\w-]{1,60}$/.test(String(step)) ? String(step) : show(String(step));
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    input,
  );
}
