import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ContainerStatus } from '@causeway/shared/model/container';
import type { Allowance } from './allowance.ts';
import type { World } from './connection.ts';
import type { Pass } from './pass.ts';
import { identify, type ProcessId } from './processes.ts';
import { addressesOf, addressFields, type ContainerRecord } from './records.ts';

/** What became of a container in one pass. */
export type Fate = Omit<ContainerStatus, 'name' | 'host'>;

/** What one decision is carried out in. */
export interface Circumstances {
  readonly world: World;
  /** Why it must not get its link or its process. */
  readonly refusal: string | undefined;
  /** The container whose namespace it shares, which does not run. */
  readonly lack: Lack | undefined;
  /** What this pass may still begin of this kind: starts, or else attaches and repairs. */
  readonly allowance: Allowance;
}

export interface Lack {
  readonly name: string;
  /** It is about to be started. */
  readonly comes: boolean;
}

export function runningFate(record: ContainerRecord): Fate {
  return { state: 'running', ...addressFields(addressesOf(record)), ...lastOf(record, record.exitCode) };
}

/** What its starts were, and how the last one ended that has. */
export function lastOf(record: ContainerRecord | undefined, exitCode: number | undefined): Partial<Fate> {
  const { startedAt, restarts } = record ?? {};
  const code = exitCode ?? record?.exitCode;
  return {
    ...(code === undefined ? {} : { exitCode: code }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(restarts === undefined ? {} : { restarts }),
  };
}

/** It runs: its end will be noticed. @returns undefined when it has ended already */
export function watch({ running, restarts, now }: Pass, name: string, pid: number): ProcessId | undefined {
  const process = identify(pid);
  if (process !== undefined) {
    running.set(name, process);
    restarts.runs(name, now());
  }
  return process;
}

/** What lasts is found again with each look. @param name '' for the host itself */
export function warnOnce({ logger, warned }: Pass, name: string, error: unknown, message: string): void {
  if (warned.get(name) === message) return;
  warned.set(name, message);
  logger.warn({ ...(name === '' ? {} : { container: name }), err: error }, message);
}

/** The error as people can do something about it. */
export function readable(name: string, cause: unknown): unknown {
  if (!isDiskFull(cause)) return cause;
  return new CausewayError('exhausted', `starting container ${name}: no space is left on the disk`, {
    cause,
  });
}

/** Of a file of ours, or as a program says it; a cgroup without processors says the same of itself. */
function isDiskFull(error: unknown): boolean {
  const said = messageOf(error);
  if (/no space left on device/i.test(said)) return !said.includes('cgroup');
  return error instanceof Error && error.cause !== undefined && isDiskFull(error.cause);
}
