import { pipeline } from 'node:stream/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { extract, type Header } from 'tar-stream';
import { BLOCK, padded } from './blocks.ts';
import { CAPABILITY_ATTRIBUTE } from './capability.ts';
import type { Chunks } from './content.ts';
import { ATTRIBUTE, paxValue } from './pax.ts';
import { createStretch, type Stretch } from './stretch.ts';
import type { RawEntry } from './tree.ts';

export interface TarEntry {
  readonly entry: RawEntry;
  readonly content: Chunks;
  /** For content that nobody reads: the next entry is behind it. */
  skip(): void;
}

/**
 * @param wantsEnd an archive without the zeros at its end was cut off
 * @throws CausewayError `invalid` when it is no whole tar
 */
export async function* tarEntries(source: Chunks, wantsEnd: boolean): AsyncGenerator<TarEntry> {
  const tail = { zeros: 0 };
  const headers = createStretch();
  const parser = extract(OPTIONS);
  let broken: unknown;
  const sink = parser as unknown as NodeJS.WritableStream;
  const fed = pipeline(source, remembering(tail, headers), sink).catch((error: unknown) => {
    broken = error;
  });
  try {
    let end = 0;
    for await (const one of parser) {
      const header: Placed = one.header;
      const { byteOffset = end, size, type } = header;
      const entry = rawEntry(header, () => headers.between(end, byteOffset));
      end = byteOffset + (type === 'directory' ? 0 : padded(size));
      headers.forget(end);
      yield { entry, content: one as unknown as Chunks, skip: () => void one.resume() };
    }
    await fed;
    if (broken !== undefined) throw broken;
  } catch (error) {
    parser.destroy();
    await fed;
    const cause = broken ?? error;
    if (cause instanceof CausewayError) throw cause;
    throw new CausewayError('invalid', `the archive is no whole tar: ${reasonOf(cause)}`, { cause });
  } finally {
    parser.destroy();
  }
  if (wantsEnd && tail.zeros < BLOCK)
    throw new CausewayError('invalid', 'the archive is no whole tar: its end is missing');
}

/** tar-stream's advice is for who packs, and gzip is unpacked long before. */
function reasonOf(cause: unknown): string {
  const message = messageOf(cause);
  return message.startsWith('Invalid tar header') ? 'it has a header that is none' : message;
}

/** Names as bytes, and also what was written before there was a standard; tar-stream's own types leave these out. */
const OPTIONS = { filenameEncoding: 'latin1', allowUnknownFormat: true } as Parameters<typeof extract>[0];

/** As tar-stream gives it. */
interface Placed extends Header {
  /** Of its content, from the beginning of the archive. */
  readonly byteOffset?: number;
}

/** Counts the zeros that came last: a block of them is the end of an archive. */
function remembering(tail: { zeros: number }, headers: Stretch) {
  return async function* (source: Chunks): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      const last = chunk.findLastIndex((byte) => byte !== 0);
      tail.zeros = last < 0 ? tail.zeros + chunk.length : chunk.length - 1 - last;
      headers.push(chunk);
      yield chunk;
    }
  };
}

const CAPABILITY = `${ATTRIBUTE}${CAPABILITY_ATTRIBUTE}`;

/**
 * Names of a PAX header come as text, others as bytes.
 *
 * @param before what is between the entry before and this one's content
 */
function rawEntry(header: Header, before: () => Buffer): RawEntry {
  const pax = (header.pax ?? {}) as Readonly<Record<string, string>>;
  const bytes = (text: string, isText: boolean) => (isText ? Buffer.from(text).toString('latin1') : text);
  return {
    name: bytes(header.name, pax.path !== undefined),
    // It is null where tar-stream knows no name for it.
    type: (header.type as string | null) ?? null,
    target: bytes(header.linkname ?? '', pax.linkpath !== undefined),
    mode: header.mode,
    uid: Number(pax.uid ?? header.uid),
    gid: Number(pax.gid ?? header.gid),
    mtime: Number(pax.mtime ?? header.mtime.getTime() / 1_000),
    size: header.size,
    sparse: Object.keys(pax).some((key) => key.startsWith('GNU.sparse.')),
    ...(pax[CAPABILITY] === undefined ? {} : { capability: paxValue(before(), CAPABILITY) }),
  };
}
