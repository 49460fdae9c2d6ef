import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { invalid } from '@causeway/shared/errors';

/**
 * What `-`, a file or a folder holds, as an archive; a folder becomes one on the way.
 *
 * @throws CausewayError `invalid` naming the path
 */
export async function archiveOf(path: string): Promise<Readable> {
  if (path === '-') {
    if (!process.stdin.isTTY) return process.stdin;
    throw invalid(
      'file',
      path,
      'is the terminal: lead an archive to it, as in "docker save web:2 | svcctl …"',
    );
  }
  const found = await stat(path).catch(() => {
    throw invalid('file', path, 'is not there, or cannot be read');
  });
  if (found.isDirectory()) return (await import('./archive-folder.ts')).tarOfFolder(path);
  if (!found.isFile() && !found.isFIFO()) throw invalid('file', path, 'is neither a file nor a folder');
  return createReadStream(path);
}
