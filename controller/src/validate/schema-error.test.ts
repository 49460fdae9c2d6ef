import { serviceInputSchema } from '@causeway/shared/model/service-input';
import { expect, it } from 'vitest';
import { listQuery } from '../objects/schemas.ts';
import { schemaError } from './schema-error.ts';

function sentence(
  schema: typeof serviceInputSchema | typeof listQuery,
  input: unknown,
  part: string,
): string {
  const result = schema.safeParse(input);
  if (result.success) throw new Error('it is valid');
  return schemaError(result.error, input, part).message;
}

/** `[[[…]]]` */
function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

it.each([
  ['the body', (deep: unknown) => deep],
  ['a field', (deep: unknown) => ({ ports: deep })],
  ['an element', (deep: unknown) => ({ ports: [{ port: 1 }], endpoints: [deep] })],
  ['an unknown field', (deep: unknown) => ({ ports: [{ port: 1 }], colour: { red: deep } })],
])('refuses %s that is nested without end, and repeats none of it', (_what, around) => {
  const input = around(nested(20_000));
  expect(sentence(serviceInputSchema, input, 'body')).toBe('the body is nested deeper than 50 levels');
});

it('names what is nested and wrong otherwise', () => {
  const input = { ports: [{ port: nested(40) }] };
  expect(sentence(serviceInputSchema, input, 'body')).toMatch(
    /^ports\[0\]\.port \[+\]+… \(80 characters\) is not a port/,
  );
});

it('says so when a field of the query is repeated', () => {
  const input = { limit: ['1', '2'] };
  expect(sentence(listQuery, input, 'querystring')).toBe('limit ["1","2"] is given more than once');
});
