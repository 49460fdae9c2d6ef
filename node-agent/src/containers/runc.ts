import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { run } from '@causeway/shared/run';
import type { Place } from './places.ts';

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

/**
 * Starts a container in the background; its output goes to its log.
 *
 * @returns the process id of its first process
 * @throws CausewayError `command-failed` with runc's own reason: no such program, …
 */
export async function runcStart(runcRoot: string, place: Place, config: object): Promise<number> {
  await mkdir(place.bundle, { recursive: true });
  await writeFile(`${place.bundle}/config.json`, JSON.stringify(config));
  const runcLog = `${place.bundle}/runc.log`;
  const pidFile = `${place.bundle}/pid`;
  await rm(runcLog, { force: true });
  const output = await open(place.log, 'a', 0o640);
  const args = ['--root', runcRoot, '--log', runcLog, '--log-format', 'json'];
  try {
    await run(
      'runc',
      [...args, 'run', '--detach', '--bundle', place.bundle, '--pid-file', pidFile, place.name],
      {
        outputFd: output.fd,
      },
    );
  } catch (cause) {
    const reason = lastError(await readFile(runcLog, 'utf8').catch(() => '')) ?? messageOf(cause);
    throw new CausewayError('command-failed', `starting container ${place.name}: ${reason}`, { cause });
  } finally {
    await output.close();
  }
  return Number(await readFile(pidFile, 'utf8'));
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
