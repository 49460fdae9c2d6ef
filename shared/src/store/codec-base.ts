import { z } from 'zod';
import { CausewayError, messageOf, show, visible } from '../errors.ts';
import { canonicalBlock, canonicalIp, familyOf, parseBlock } from '../net/block.ts';
import { parseAddress } from '../net/cidr.ts';
import { FAMILY_NAMES, type Family } from '../net/family.ts';
import { isUnicast, isUnicastBlock } from '../net/unicast.ts';
import type { KeyValue } from './store.ts';

/**
 * How values are read. Decoding is strict about everything that can reach a kernel or a file's name, since
 * anybody who can write to etcd could put it there; unknown fields are left out, so that newer versions can add some.
 *
 * No decoder throws: a key that cannot be read is *returned* as an error, reported and skipped.
 */
export type Decoded<T> = T | CausewayError;

/** An address of that family, or of either, in its canonical form. */
export const ipAddress = (family?: Family) =>
  z
    .string()
    .refine(
      (text) => isCanonicalIp(text, family),
      `is not an ${family === undefined ? 'IP' : FAMILY_NAMES[family]} address`,
    );

function isCanonicalIp(text: string, family: Family | undefined): boolean {
  // IPv4 has one form, and there are many.
  if (parseAddress(text) !== undefined) return family !== 'ipv6';
  return family !== 'ipv4' && canonicalIp(text) === text;
}

/** A network of that family, or of either, in its canonical form: host bits zero. */
export const ipNetwork = (family?: Family) =>
  z
    .string()
    .refine(
      (text) => canonicalBlock(text) === text && isOf(text, family),
      `is not an ${family === undefined ? 'IP' : FAMILY_NAMES[family]} network`,
    );

const NOBODYS = '(loopback, link-local, multicast or reserved)';

/** One that a service or an endpoint can have: with another as a VIP, a host would cut itself off from itself. */
export const unicast = (family?: Family) =>
  ipAddress(family).refine(isUnicast, `is an address that nobody can have ${NOBODYS}`);

/** A network, whatever its host bits, of nothing but such addresses. */
export const unicastNetwork = (family: Family) =>
  anyNetwork(family).refine((text) => {
    const block = parseBlock(text);
    return block === undefined || isUnicastBlock(block);
  }, `holds addresses that nobody can have ${NOBODYS}`);

/** A network, whatever its host bits. */
export const anyNetwork = (family?: Family) =>
  z
    .string()
    .refine(
      (text) => parseBlock(text) !== undefined && isOf(text, family),
      `is not an ${family === undefined ? 'IP' : FAMILY_NAMES[family]} network`,
    );

function isOf(text: string, family: Family | undefined): boolean {
  const found = familyOf(text);
  return found !== undefined && (family === undefined || found === family);
}

/** A host's id is repeated in sentences. */
export const nodeId = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is not an id: 1 to 128 printable characters');

/**
 * A key whose value is not what it should be: names the key, the field and the reason, on one line, whatever the
 * key and the value hold: the sentence goes into logs, line by line formats and terminals.
 */
export function unreadable(kv: KeyValue, reason: string, cause?: unknown): CausewayError {
  return new CausewayError(
    'unreadable',
    `reading etcd key ${oneLine(kv.storedKey ?? kv.key)}: ${oneLine(reason)}`,
    {
      value: kv.value,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Longest part of a sentence that a key's writer can fill, in characters. */
const LONGEST = 300;
/** Text of somebody else's as a part of a line: shortened, and without what a terminal or a log would obey. */
export function oneLine(text: string, longest = LONGEST): string {
  return visible(text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text);
}

/** More levels than any value has; whoever walks through what is left may do so by recursion. */
const DEEPEST = 32;

/** @returns the value as plain JSON, or an error when it is none, or one that is nested without end */
export function parseJson(kv: KeyValue): { readonly json: unknown } | CausewayError {
  try {
    const json: unknown = JSON.parse(kv.value);
    return isDeeper(json, DEEPEST)
      ? unreadable(kv, `its value is nested more than ${DEEPEST} deep`)
      : { json };
  } catch (error) {
    return unreadable(kv, `its value ${show(kv.value)} is not JSON: ${messageOf(error)}`, error);
  }
}

function isDeeper(json: unknown, levels: number): boolean {
  if (typeof json !== 'object' || json === null) return false;
  return levels === 0 || Object.values(json).some((part) => isDeeper(part, levels - 1));
}

export function decode<T>(kv: KeyValue, schema: z.ZodType<T>): Decoded<T> {
  const parsed = parseJson(kv);
  return parsed instanceof CausewayError ? parsed : check(kv, parsed.json, schema);
}

/** Checks JSON that was read from a key. */
export function check<T>(kv: KeyValue, json: unknown, schema: z.ZodType<T>): Decoded<T> {
  const result = schema.safeParse(json, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue === undefined || issue.path.length === 0 ? 'the value' : issue.path.join('.');
  return unreadable(kv, `${field} ${show(issue?.input)} ${issue?.message ?? 'is wrong'}`, result.error);
}

/** The value's name must be its key's, or two keys could claim to be one thing. */
export function inItsKey<T>(kv: KeyValue, value: Decoded<T>, keyOf: (value: T) => string): Decoded<T> {
  if (value instanceof CausewayError || keyOf(value) === kv.key) return value;
  return unreadable(kv, `its value belongs to key ${keyOf(value)}`);
}
