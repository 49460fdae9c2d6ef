import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { isInstalled } from '@causeway/shared/programs/environment';
import { through } from '@causeway/shared/programs/through';

export type Chunks = AsyncIterable<Buffer>;

/** How many bytes may still be unpacked. */
export interface Budget {
  left: number;
  readonly limit: number;
}

const MAGICS = {
  gzip: Buffer.from([0x1f, 0x8b]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]),
  bzip2: Buffer.from('BZh'),
} as const;
type Packing = keyof typeof MAGICS;

/**
 * The content of a file, unpacked if it is packed with gzip or zstd, which its first bytes tell.
 *
 * @param what names it in errors
 * @throws CausewayError `invalid` when it is broken or packed in another way, `not-found` when the host lacks zstd
 */
export async function* unpacked(file: string, what: string): AsyncGenerator<Buffer> {
  const packing = await packingOf(file);
  const bytes = createReadStream(file);
  if (packing === undefined) return yield* bytes;
  if (packing === 'gzip') return yield* inWords(bytes.pipe(createGunzip()), `${what} is not whole gzip`);
  bytes.destroy();
  if (packing !== 'zstd')
    throw new CausewayError('invalid', `${what} is packed with ${packing}: gzip, zstd or plain tar is taken`);
  if (!isInstalled('zstd'))
    throw new CausewayError(
      'not-found',
      `${what} is packed with zstd, and this host has no program "zstd" (Debian: zstd)`,
    );
  yield* through(createReadStream(file), 'zstd', ['--decompress', '--stdout', '--quiet'], {
    doing: `unpacking ${what}`,
    failAs: 'invalid',
  });
}

async function packingOf(file: string): Promise<Packing | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const start = buffer.subarray(0, bytesRead);
    const known = Object.entries(MAGICS) as [Packing, Buffer][];
    return known.find(([, magic]) => start.subarray(0, magic.length).equals(magic))?.[0];
  } finally {
    await handle.close();
  }
}

async function* inWords(source: Chunks, what: string): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (cause) {
    if (cause instanceof CausewayError) throw cause;
    throw new CausewayError('invalid', `${what}: ${messageOf(cause)}`, { cause });
  }
}

/** @throws CausewayError `exhausted` as soon as there is more than the budget has left */
export async function* within(budget: Budget, source: Chunks): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    budget.left -= chunk.length;
    if (budget.left < 0)
      throw new CausewayError(
        'exhausted',
        `the image has more than ${budget.limit} bytes unpacked, which is what this host takes (--image-max-bytes)`,
      );
    yield chunk;
  }
}

/** Counts and hashes what flows by. */
export interface Meter {
  readonly pass: (source: Chunks) => Chunks;
  /** Of what has flown by so far. */
  digest(): string;
  size(): number;
}

export function createMeter(): Meter {
  const hash = createHash('sha256');
  let size = 0;
  return {
    pass: async function* (source) {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    digest: () => `sha256:${hash.copy().digest('hex')}`,
    size: () => size,
  };
}

/** Also what tar says of a write that the last free bytes were not enough for. */
const FULL = /No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes/;

/** What the system says when a disk is full, in our words; other errors as they are. */
export function diskFull(error: unknown, dir: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || FULL.test(messageOf(error));
  if (!isFull) return error;
  return new CausewayError('exhausted', `storing the image: no space is left on the disk of ${dir}`, {
    cause: error,
  });
}
