import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { CausewayError } from '@causeway/shared/errors';
import { sha256 } from '@causeway/shared/model/oci-image';
import { type Budget, type Chunks, createMeter, diskFull, within } from './content.ts';
import { flushFile } from './durable.ts';
import { blobPath, type StorePlaces } from './places.ts';

/** Longest manifest, index or configuration that is read, bytes; registries take 4 MiB. */
const MOST_DOCUMENT = 4 * 1024 * 1024;

/** Gives `work` an empty folder that is gone when it has ended. @throws what `work` throws; a full disk as a sentence */
export async function inDraft<T>(places: StorePlaces, work: (folder: string) => Promise<T>): Promise<T> {
  let folder: string | undefined;
  try {
    await mkdir(places.drafts, { recursive: true });
    folder = await mkdtemp(`${places.drafts}/take-`);
    return await work(folder);
  } catch (error) {
    throw diskFull(error, places.dir);
  } finally {
    // A layer half unpacked has folders that even their owner may not write to.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 2 });
  }
}

export interface Spooled {
  readonly digest: string;
  readonly size: number;
}

/** Writes a stream to a file. @throws CausewayError `exhausted` when it is longer than the budget */
export async function spool(source: Chunks, file: string, budget: Budget): Promise<Spooled> {
  const meter = createMeter();
  await pipeline(meter.pass(within(budget, source)), createWriteStream(file, { flags: 'wx' }));
  return { digest: meter.digest(), size: meter.size() };
}

/** What a file holds. */
export async function weigh(file: string): Promise<Spooled> {
  const meter = createMeter();
  for await (const _ of meter.pass(createReadStream(file)));
  return { digest: meter.digest(), size: meter.size() };
}

/** Moves a file whose digest is known into the store. What has its name there is whole, also after a power cut. */
export async function keepFile(places: StorePlaces, file: string, digest: string): Promise<void> {
  await mkdir(places.blobs, { recursive: true });
  await flushFile(file);
  await rename(file, blobPath(places, digest));
}

/** Writes a document into the store. @returns its digest */
export async function keepText(places: StorePlaces, draft: string, text: string): Promise<string> {
  const digest = sha256(text);
  await writeFile(`${draft}/text`, text);
  await keepFile(places, `${draft}/text`, digest);
  return digest;
}

/** @returns a document of the store, whose digest is checked once more @throws CausewayError `unreadable` */
export async function readText(places: StorePlaces, digest: string): Promise<string> {
  return readDocument(blobPath(places, digest), `blob ${digest}`, digest);
}

/** @param digest what it must have; absent: any @throws CausewayError `invalid` */
export async function readDocument(file: string, what: string, digest?: string): Promise<string> {
  const { size } = await stat(file);
  if (size > MOST_DOCUMENT)
    throw new CausewayError('invalid', `${what} has ${size} bytes: a document has ${MOST_DOCUMENT} at most`);
  const bytes = await readFile(file);
  const found = sha256(bytes);
  if (digest !== undefined && found !== digest) throw wrongDigest(what, digest, found);
  return bytes.toString();
}

export function wrongDigest(what: string, wanted: string, found: string): CausewayError {
  return new CausewayError('invalid', `${what} should have digest ${wanted}, and has ${found}`);
}

/** @returns bytes; undefined: it is not here */
export async function blobSize(places: StorePlaces, digest: string): Promise<number | undefined> {
  return (await stat(blobPath(places, digest)).catch(() => undefined))?.size;
}
