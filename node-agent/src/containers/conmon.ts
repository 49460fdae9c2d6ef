import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { pathOf } from '@causeway/shared/programs/environment';
import { launch } from '@causeway/shared/programs/launch';
import type { Layout, Place } from './places.ts';
import { type ProcessId, processIn } from './processes.ts';
import { lastError } from './runc.ts';

/** A container's log begins anew when it has grown to this, bytes. */
const LOG_BYTES = 10 * 1024 * 1024;
/** Many may be made at once on a small host. */
const PATIENCE_MS = 120_000;

/**
 * Makes a container whose program does not run yet, and its monitor (conmon), which lives as long as it does, whatever
 * becomes of this process: it writes the container's output to the log, line by line with time and stream, and its exit code
 * to `place.exit`.
 *
 * @returns the number of its first process
 * @throws CausewayError `not-found` when conmon or runc is missing, `command-failed` with runc's own reason
 */
export async function createContainer(layout: Layout, place: Place, config: object): Promise<number> {
  const { name, bundle, log } = place;
  const runc = pathOf('runc');
  if (runc === undefined || pathOf('conmon') === undefined)
    throw new CausewayError(
      'not-found',
      `starting container ${name}: no ${runc === undefined ? 'runc' : 'conmon'} on this host`,
    );
  await mkdir(bundle, { recursive: true });
  await Promise.all([
    mkdir(layout.exits, { recursive: true }),
    writeFile(`${bundle}/config.json`, JSON.stringify(config)),
    rm(`${bundle}/runc.log`, { force: true }),
  ]);
  const args = [
    ...['--api-version', '1', '--cid', name, '--cuuid', name, '--name', name],
    ...['--runtime', runc, '--bundle', bundle, '--full-attach'],
    ...['--container-pidfile', `${bundle}/pid`, '--conmon-pidfile', monitorFile(place)],
    ...['--log-path', `k8s-file:${log}`, '--log-size-max', String(LOG_BYTES), '--no-sync-log'],
    ...['--exit-dir', layout.exits, '--log-level', 'error'],
    ...['--root', layout.runcRoot, '--log', `${bundle}/runc.log`, '--log-format', 'json'].map(
      (word) => `--runtime-arg=${word}`,
    ),
  ];
  const line = await launch('conmon', args, {
    ...{ doing: `starting container ${name}`, reportTo: '_OCI_SYNCPIPE', timeoutMs: PATIENCE_MS },
  });
  const { data, message } = parseReport(line);
  if (data !== undefined && data > 0) return data;
  const reason = lastError(await readFile(`${bundle}/runc.log`, 'utf8').catch(() => '')) ?? message;
  throw new CausewayError('command-failed', `starting container ${name}: ${reason}`);
}

/** The container's monitor, if it lives. */
export function monitorOf(place: Place): ProcessId | undefined {
  return processIn(monitorFile(place), place.bundle);
}

function monitorFile({ bundle }: Place): string {
  return `${bundle}/conmon.pid`;
}

/** PURE. `{"data": 35}`, or `{"data": -1, "message": "…"}` */
export function parseReport(line: string): { readonly data?: number; readonly message: string } {
  try {
    const { data, message } = JSON.parse(line) as { data?: unknown; message?: unknown };
    return {
      ...(typeof data === 'number' ? { data } : {}),
      message: typeof message === 'string' ? message.trim() : 'runc could not make it',
    };
  } catch (error) {
    return { message: `its monitor said ${line}: ${messageOf(error)}` };
  }
}
