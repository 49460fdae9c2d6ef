import { open } from 'node:fs/promises';
import { run } from '@causeway/shared/programs/run';

/** Others write to the same disk, too, and all of that goes with it; milliseconds. */
const TIMEOUT_MS = 10 * 60 * 1_000;

/** Resolves when a power cut takes nothing of a file's content, or of a folder's names, any more. */
export async function flushFile(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The same of everything on the file system that a folder is on: of thousands of files this costs less than each by itself.
 *
 * @throws CausewayError `command-failed` when the disk does not take it
 */
export async function flushDisk(folder: string): Promise<void> {
  await run('sync', ['--file-system', folder], { doing: 'writing the image to disk', timeoutMs: TIMEOUT_MS });
}
