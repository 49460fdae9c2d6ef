import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ImageRef } from '@causeway/shared/model/container';
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
  /** Of the definition that it was started with. */
  readonly generation?: number;
  readonly image?: ImageRef;
  /** Of the last start, ISO 8601 in UTC. */
  readonly startedAt?: string;
  /** Starts since it was made, but the first. */
  readonly restarts?: number;
  /** How its last process ended, once one has. */
  readonly exitCode?: number;
  /** It has ended, and the kernel had killed a program of it for want of memory. */
  readonly outOfMemory?: true;
  /** Whoever asks it to end sends this signal; absent: SIGTERM. */
  readonly stopSignal?: string;
  /** It rests: `exited` by itself and not started again by its policy, or `stopped` by its user. */
  readonly rests?: 'exited' | 'stopped';
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

/** The record with these addresses in place of its own, and on no way to others. */
export function withAddresses(
  { address, ipv6Address, movedFrom, ...rest }: ContainerRecord,
  addresses: ByFamily<string>,
): ContainerRecord {
  return { ...rest, ...addressFields(addresses) };
}

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

const TEXTS = ['address', 'ipv6Address', 'startedAt', 'stopSignal', 'rests'] as const;
const NUMBERS = ['generation', 'restarts', 'exitCode'] as const;

function isRecord(value: unknown): value is ContainerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof ContainerRecord, unknown>>;
  const process = record.process as Partial<Record<keyof ProcessId, unknown>> | undefined;
  const isMaybe = (type: string) => (key: keyof ContainerRecord) =>
    ['undefined', type].includes(typeof record[key]);
  return (
    typeof record.name === 'string' &&
    TEXTS.every(isMaybe('string')) &&
    NUMBERS.every(isMaybe('number')) &&
    (['movedFrom', 'image'] as const).every(isMaybe('object')) &&
    [undefined, true].includes(record.outOfMemory as never) &&
    typeof record.specHash === 'string' &&
    ['undefined', 'object'].includes(typeof record.attached) &&
    (process === undefined || (typeof process?.pid === 'number' && typeof process.startTime === 'string'))
  );
}
