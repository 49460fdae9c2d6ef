import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';

/** @returns undefined when there is no such file. @throws CausewayError `unreadable` when it is no JSON. */
export async function readJsonFile(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new CausewayError('unreadable', `reading ${file}: ${messageOf(cause)}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CausewayError('unreadable', `reading ${file}: it holds no JSON`, { cause });
  }
}

/** Writes a whole file at once: a crash leaves the old one or the new one. */
export async function writeJsonFile(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  const temporary = `${file}.tmp`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o644, flush: true });
  await rename(temporary, file);
}
