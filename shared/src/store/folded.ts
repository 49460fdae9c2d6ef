import type { z } from 'zod';
import { CausewayError } from '../errors.ts';
import { check, type Decoded, parseJson } from './codec-base.ts';
import type { KeyValue } from './store.ts';

/** Checks a value that a Go program wrote, or reads: keys in any case, of equal ones the last; null is absence. */
export function decodeFolded<T>(kv: KeyValue, schema: z.ZodType<T>): Decoded<T> {
  const folded = parseFolded(kv);
  return folded instanceof CausewayError ? folded : check(kv, folded.json, schema);
}

/** The value as JSON with lower-case keys, or an error when it is none. */
export function parseFolded(kv: KeyValue): { readonly json: unknown } | CausewayError {
  const parsed = parseJson(kv);
  return parsed instanceof CausewayError ? parsed : { json: fold(parsed.json) };
}

/** Lower-cases the keys of objects and drops nulls. */
function fold(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== null);
  return Object.fromEntries(entries.map(([key, part]) => [key.toLowerCase(), fold(part)]));
}
