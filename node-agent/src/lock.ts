import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';

/**
 * Makes sure that one agent works on this host. The lock is a file that holds a process id and when that process
 * started, so that a lock left by a crash is recognised, also when the id has been given to another process.
 *
 * @returns gives it back
 * @throws CausewayError `conflict` when another agent runs
 */
export async function takeLock(runDir: string): Promise<() => Promise<void>> {
  const file = join(runDir, 'agent.lock');
  const mine = (await identityOf(process.pid)) ?? `${process.pid} unknown`;
  const temporary = `${file}.${process.pid}`;
  try {
    await mkdir(runDir, { recursive: true, mode: 0o755 });
    await writeFile(temporary, mine);
    for (let tries = 0; tries < 5; tries++) {
      if (await claim(temporary, file)) return async () => release(file, mine);
      await removeStale(file);
    }
    throw new CausewayError('conflict', `locking ${file}: others keep taking it`);
  } catch (cause) {
    if (cause instanceof CausewayError) throw cause;
    throw new CausewayError('internal', `locking ${file}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** A link, unlike a rename, fails when the name is taken, and brings the content with it. */
async function claim(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** @throws CausewayError `conflict` when the holder lives */
async function removeStale(file: string): Promise<void> {
  const holder = await readFile(file, 'utf8').catch(() => undefined);
  if (holder === undefined) return;
  const [pid] = holder.split(' ');
  if (holder === (await identityOf(Number(pid)))) {
    const told = `an agent is running on this host already (process ${pid}); stop it first`;
    throw new CausewayError('conflict', told);
  }
  // Two that find the same stale lock: only one can move it away, and what it moved must be what it judged.
  const aside = `${file}.stale.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  const moved = await readFile(aside, 'utf8').catch(() => holder);
  if (moved !== holder) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(file: string, mine: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true });
}

/** `PID STARTTIME`; undefined when there is no such process. */
async function identityOf(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid < 1) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The program's name, in brackets, may hold blanks; the start time is the 20th field after it.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return startTime === undefined ? undefined : `${pid} ${startTime}`;
}
