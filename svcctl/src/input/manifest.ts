import { readFileSync } from 'node:fs';
import { parsePublishText } from '@causeway/shared/container-text';
import { CausewayError, invalid, messageOf, show } from '@causeway/shared/errors';
import type { PublishedPort } from '@causeway/shared/model/container';
import type { Io } from '../io.ts';
import { at, type Manifest, objectsOf } from './manifest-object.ts';
import { unsendable } from './plain.ts';

/**
 * Reads the objects of a file (`-`: stdin): YAML of several documents, or JSON when it is named `.json`.
 * @throws CausewayError `invalid`, one sentence with file and line
 */
export async function readManifests(io: Io, file: string): Promise<Manifest[]> {
  const told = file === '-' ? 'stdin' : `file ${show(file)}`;
  const text = file === '-' ? await io.stdin() : readText(file);
  const documents = file.endsWith('.json') ? [await parseJson(text, told)] : await parseYaml(text, told);
  for (const { value, where } of documents) {
    const fault = unsendable(value);
    if (fault !== undefined) throw at(where, fault);
  }
  const manifests = documents.flatMap(({ value, where }) => objectsOf(value, where));
  if (manifests.length === 0)
    throw new CausewayError('invalid', `${told} holds no object`, { field: 'file', value: file });
  refuseDuplicates(manifests);
  return manifests;
}

interface Parsed {
  readonly value: unknown;
  readonly where: string;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${messageOf(error)}`;
    throw invalid('file', file, reason);
  }
}

async function parseYaml(text: string, told: string): Promise<Parsed[]> {
  const { LineCounter, parseAllDocuments } = await import('yaml');
  const lines = new LineCounter();
  const parsed: Parsed[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  for (const [index, document] of documents.entries()) {
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) {
      const { line, col } = lines.linePos(fault.pos[0]);
      const tooDeep = fault.code === 'RESOURCE_EXHAUSTION';
      throw malformed(told, line, col, 'YAML', tooDeep ? 'it is nested too deeply' : fault.message);
    }
    const line = lines.linePos(document.contents?.range?.[0] ?? document.range[0]).line;
    const where = `${told}, document ${index + 1} (line ${line})`;
    const value: unknown = toValue(() => document.toJS({ maxAliasCount: 100 }), where);
    if (value !== null && value !== undefined) parsed.push({ value, where });
  }
  return parsed;
}

/** An alias that names nothing, or one that grows without end, shows only here. */
function toValue(convert: () => unknown, where: string): unknown {
  try {
    return convert();
  } catch (error) {
    const reason = error instanceof RangeError ? 'it is nested too deeply' : messageOf(error);
    throw new CausewayError('invalid', `${where} is not valid YAML: ${reason}`, { cause: error });
  }
}

async function parseJson(text: string, told: string): Promise<Parsed> {
  const parsed = { value: jsonValue(text, told), where: told };
  await refuseTwice(text, told);
  return parsed;
}

/** A key that is given twice: JSON.parse would take the last, and nobody would know. */
async function refuseTwice(text: string, told: string): Promise<void> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const twice = errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (twice === undefined) return;
  const { line, col } = lines.linePos(twice.pos[0]);
  throw malformed(told, line, col, 'JSON', 'a key is given twice');
}

function jsonValue(text: string, told: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = Number(/at position (\d+)/.exec(messageOf(error))?.[1] ?? text.length);
    const before = text.slice(0, position).split('\n');
    const reason = messageOf(error).replace(/,? (in JSON )?at position .*/, '');
    throw malformed(told, before.length, (before.at(-1) ?? '').length + 1, 'JSON', reason);
  }
}

function malformed(told: string, line: number, column: number, form: string, reason: string): CausewayError {
  const sentence = `${told}, line ${line}, column ${column} is not valid ${form}: ${reason}`;
  return new CausewayError('invalid', sentence, { field: 'file' });
}

/** Two objects of one file that want the same thing: each alone is valid, so no dry run finds it. */
function refuseDuplicates(manifests: readonly Manifest[]): void {
  const owners = new Map<string, Manifest>();
  for (const manifest of manifests)
    for (const claim of claimsOf(manifest)) {
      const owner = owners.get(claim);
      if (owner !== undefined)
        throw new CausewayError('invalid', `${manifest.where}: ${claim} is in ${owner.where} already`);
      owners.set(claim, manifest);
    }
}

/** The ports of a host that a container publishes, in the form in which they are compared. */
function publishedBy({ host, publish }: Manifest['body']): string[] {
  if (!Array.isArray(publish)) return [];
  const ports = publish.map((port: unknown) => {
    const {
      address,
      hostPort,
      protocol = 'tcp',
    } = typeof port === 'string' ? (parsePublishText(port) ?? {}) : (port as Partial<PublishedPort>);
    const at = address === undefined ? '' : `${show(address)} `;
    return `published port ${at}${show(hostPort)}/${show(protocol)} of ${show(host)}`;
  });
  return [...new Set(ports)];
}

function claimsOf({ kind, name, body }: Manifest): string[] {
  const claims = [`${kind} ${show(name)}`];
  // Containers and workloads share their names.
  if (kind === 'NetworkPolicy') return claims;
  if (kind !== 'Service') return [...claims, `name ${show(name)}`, ...publishedBy(body)];
  if (!Array.isArray(body.ports)) return claims;
  for (const port of new Set<unknown>(body.ports)) {
    if (typeof port !== 'object' || port === null) continue;
    const { protocol = 'tcp', nodePort } = port as { protocol?: unknown; nodePort?: unknown };
    if (typeof nodePort === 'number') claims.push(`nodePort ${nodePort}/${show(protocol)}`);
  }
  for (const vip of Array.isArray(body.vip) ? body.vip : [body.vip])
    if (typeof vip === 'string' && !['auto', 'none'].includes(vip)) claims.push(`vip ${show(vip)}`);
  return claims;
}
