import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ByFamily, byFamily } from '@causeway/shared/net/family';
import type { Former } from './attach/seek.ts';
import type { ProcessId } from './processes.ts';

/** What a host remembers of one container: `<state-dir>/containers/<name>.json`. */
export interface ContainerRecord {
  readonly name: string;
  /** IPv4 and IPv6, without a prefix length; the container's as long as this file is there. */
  readonly address?: string;
  readonly ipv6Address?: string;
  /** It is on its way to these addresses, and has lost those (perhaps none), which people have not heard of yet. */
  readonly movedFrom?: ByFamily<string>;
  /** Of the definition that it was started with. */
  readonly specHash: string;
  /** Its first process, once it was started: found and ended even if runc has forgotten it. */
  readonly process?: ProcessId;
  /** Of a container of others, while it is attached: whose namespace it is. */
  readonly attached?: Former;
}

/** The addresses as a host's states and files call them, by family. */
export function addressesOf({ address, ipv6Address }: Addressed): ByFamily<string> {
  return byFamily((family) => (family === 'ipv4' ? address : ipv6Address));
}

/** The other way round. */
export function addressFields({ ipv4, ipv6 }: ByFamily<string>): Addressed {
  return {
    ...(ipv4 === undefined ? {} : { address: ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6Address: ipv6 }),
  };
}

type Addressed = Pick<ContainerRecord, 'address' | 'ipv6Address'>;

/** @returns undefined when there is none or it does not parse: the container is then made anew. */
export async function readRecord(path: string): Promise<ContainerRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the file whole: a crash leaves the old one or the new one. */
export async function writeRecord(path: string, record: ContainerRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.tmp`;
  await writeFile(draft, `${JSON.stringify(record)}\n`, { flush: true });
  await rename(draft, path);
}

export async function removeRecord(path: string): Promise<void> {
  await rm(`${path}.tmp`, { force: true });
  await rm(path, { force: true });
}

function isRecord(value: unknown): value is ContainerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof ContainerRecord, unknown>>;
  const process = record.process as Partial<Record<keyof ProcessId, unknown>> | undefined;
  return (
    typeof record.name === 'string' &&
    ['undefined', 'string'].includes(typeof record.address) &&
    ['undefined', 'string'].includes(typeof record.ipv6Address) &&
    ['undefined', 'object'].includes(typeof record.movedFrom) &&
    typeof record.specHash === 'string' &&
    ['undefined', 'object'].includes(typeof record.attached) &&
    (process === undefined || (typeof process?.pid === 'number' && typeof process.startTime === 'string'))
  );
}
