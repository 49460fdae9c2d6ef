import { readdir } from 'node:fs/promises';
import { run } from '@causeway/shared/run';

/** A container as runc sees it. */
export interface RuncContainer {
  readonly status: string;
  /** 0 when it has ended. */
  readonly pid: number;
}

/** Names of everything that runc keeps a state of, whole or broken. */
export async function runcNames(runcRoot: string): Promise<readonly string[]> {
  return readdir(runcRoot).catch(() => []);
}

export async function runcList(runcRoot: string): Promise<ReadonlyMap<string, RuncContainer>> {
  const { stdout } = await run('runc', ['--root', runcRoot, 'list', '-f', 'json'], {
    doing: 'listing containers',
  });
  return parseRuncList(stdout);
}

/** PURE. From `runc list -f json`, which prints `null` when there is none. */
export function parseRuncList(json: string): ReadonlyMap<string, RuncContainer> {
  const listed: unknown = JSON.parse(json);
  if (!Array.isArray(listed)) return new Map();
  return new Map(listed.map(({ id, status, pid }: { id: string } & RuncContainer) => [id, { status, pid }]));
}

/** Lets a container that was made begin with its own program. */
export async function runcStart(runcRoot: string, name: string): Promise<void> {
  await run('runc', ['--root', runcRoot, 'start', name], { doing: `starting container ${name}` });
}

/** Kills what runs and forgets it. */
export async function runcDelete(runcRoot: string, name: string): Promise<void> {
  await run('runc', ['--root', runcRoot, 'delete', '--force', name], { doing: `removing container ${name}` });
}

/** PURE. The last complaint in a runc log of JSON lines. */
export function lastError(log: string): string | undefined {
  const lines = log.split('\n').flatMap((line) => {
    try {
      const entry: unknown = JSON.parse(line);
      return typeof entry === 'object' && entry !== null ? [entry as { level?: string; msg?: string }] : [];
    } catch {
      return [];
    }
  });
  return lines.findLast(({ level, msg }) => level === 'error' && msg)?.msg;
}
