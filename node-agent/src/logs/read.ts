import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { type Wanted, wantedFrom } from './select.ts';

export interface LogRequest extends Wanted {
  /** Goes on with what comes, until the log is gone. */
  readonly follow: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const NEWLINE = 0x0a;
const CHUNK = 64 * 1024;
/** Of a log without bounds, as earlier agents left them, no more than its end is read, bytes. */
const MOST = 32 * 1024 * 1024;
/** A follower who hears nothing looks by himself, milliseconds. */
const LOOK_MS = 500;
/** An empty line, so that both ends know of each other, this often, milliseconds. */
const HEARTBEAT_MS = 10_000;

/**
 * The wanted entries of a log of conmon's, in pieces of whole lines; also over the file that takes the place of one that
 * has grown too large. A log that is not there has no entries; who follows waits for it.
 */
export async function* readLog(path: string, request: LogRequest): AsyncGenerator<Buffer> {
  const { follow, signal } = request;
  let file = await opened(path);
  if (follow) yield Buffer.of(NEWLINE);
  try {
    let rest: Buffer = Buffer.alloc(0);
    if (file !== undefined) {
      const whole = await endOf(file);
      const [lines, unended] = split(whole);
      rest = unended;
      const wanted = lines.subarray(wantedFrom(lines, request));
      if (wanted.length > 0) yield wanted;
    }
    if (follow)
      yield* following(path, file, rest, signal, (next) => {
        file = next;
      });
  } finally {
    await file?.handle.close();
  }
}

interface OpenLog {
  readonly handle: FileHandle;
  readonly inode: number;
  position: number;
}

async function* following(
  path: string,
  first: OpenLog | undefined,
  unended: Buffer,
  signal: AbortSignal,
  holds: (file: OpenLog | undefined) => void,
): AsyncGenerator<Buffer> {
  let file = first;
  let rest = unended;
  let spokenAt = performance.now();
  while (!signal.aborted) {
    const isThere = await inodeOf(path);
    for (;;) {
      const chunk = file === undefined ? undefined : await next(file);
      if (chunk === undefined) break;
      const [lines, left] = split(Buffer.concat([rest, chunk]));
      rest = left;
      if (lines.length === 0) continue;
      spokenAt = performance.now();
      yield lines;
    }
    if (file !== undefined && isThere !== file.inode) {
      // All of the one before was read after it had been put away.
      await file.handle.close();
      holds(undefined);
      if (isThere === undefined) return;
      file = undefined;
      rest = Buffer.alloc(0);
    }
    if (file === undefined) {
      file = await opened(path);
      holds(file);
      if (file !== undefined) continue;
    }
    await change(path, signal);
    if (performance.now() - spokenAt < HEARTBEAT_MS) continue;
    spokenAt = performance.now();
    yield Buffer.of(NEWLINE);
  }
}

async function opened(path: string): Promise<OpenLog | undefined> {
  try {
    const handle = await open(path, 'r');
    return { handle, inode: (await handle.stat()).ino, position: 0 };
  } catch {
    return undefined;
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}

/** @returns undefined at the end */
async function next(file: OpenLog): Promise<Buffer | undefined> {
  const { bytesRead, buffer } = await file.handle.read(Buffer.alloc(CHUNK), 0, CHUNK, file.position);
  file.position += bytesRead;
  return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
}

async function endOf(file: OpenLog): Promise<Buffer> {
  file.position = Math.max(0, (await file.handle.stat()).size - MOST);
  const chunks: Buffer[] = [];
  for (let chunk = await next(file); chunk !== undefined; chunk = await next(file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Whole lines, and what is left. */
function split(bytes: Buffer): [lines: Buffer, rest: Buffer] {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  return [bytes.subarray(0, end), bytes.subarray(end)];
}

/** Resolves when the file may have changed, some time has gone by, or nobody waits any more. */
async function change(path: string, signal: AbortSignal): Promise<void> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(path);
    await once(watcher, 'change', { signal: until });
  } catch {
    if (!until.aborted) await once(until, 'abort');
  } finally {
    watcher?.close();
  }
}
