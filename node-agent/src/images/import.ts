import { mkdir } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { keepFile, type Spooled, spool } from './blobs.ts';
import { type Budget, type Chunks, createMeter, unpacked, within } from './content.ts';
import { importDockerArchive, importLayout, isDockerArchive } from './layout.ts';
import { keepManifest } from './manifest.ts';
import type { StorePlaces } from './places.ts';
import { hostArchitecture } from './platform.ts';
import { tarEntries } from './tar-entries.ts';
import { unpackLayer } from './unpack.ts';

/**
 * Takes an archive into the store: an OCI layout, what `docker save` writes, or else a root file system's tar; each plain
 * or packed with gzip or zstd.
 *
 * @returns the digest of the manifest, whose blobs are all in the store then
 * @throws CausewayError `invalid` naming what is wrong, `exhausted`
 */
export async function importArchive(
  places: StorePlaces,
  draft: string,
  source: Chunks,
  limit: number,
): Promise<string> {
  const carried = `${draft}/carried`;
  const spooled = await spool(source, carried, budgetOf(limit));
  if (spooled.size === 0) throw new CausewayError('invalid', 'the archive is empty');
  const tops = await look(carried, limit);
  if (!tops.names.has('index.json') && !tops.names.has('manifest.json'))
    return importRoot(places, draft, carried, spooled, tops.diffId);
  const tree = `${draft}/tree`;
  await mkdir(tree);
  await unpackLayer(within(budgetOf(limit), unpacked(carried, 'the archive')), {
    ...{ into: tree, lowers: [], wantsEnd: true },
  });
  if (tops.names.has('oci-layout') && tops.names.has('index.json')) return importLayout(places, tree);
  if (await isDockerArchive(tree)) return importDockerArchive(places, draft, tree);
  return importRoot(places, draft, carried, spooled, tops.diffId);
}

export function budgetOf(limit: number): Budget {
  return { left: limit, limit };
}

const DOCUMENTS = ['oci-layout', 'index.json', 'manifest.json'];

interface Tops {
  /** Of the documents at the top of the archive. */
  readonly names: ReadonlySet<string>;
  /** The digest of the archive, unpacked. */
  readonly diffId: string;
}

async function look(carried: string, limit: number): Promise<Tops> {
  const meter = createMeter();
  const source = meter.pass(within(budgetOf(limit), unpacked(carried, 'the archive')));
  const names = new Set<string>();
  let count = 0;
  for await (const { entry, skip } of tarEntries(source, true)) {
    const name = entry.name.replace(/^(?:\.\/+)+/, '');
    if (entry.type === 'file' && DOCUMENTS.includes(name)) names.add(name);
    count += 1;
    skip();
  }
  if (count === 0) throw new CausewayError('invalid', 'the archive has nothing in it, or is no tar');
  return { names, diffId: meter.digest() };
}

const ROOT_CONFIG = {
  Cmd: ['/bin/sh'],
  Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
};

/** A root file system becomes an image of one layer, which is the same image whenever it is imported. */
async function importRoot(
  places: StorePlaces,
  draft: string,
  carried: string,
  { digest, size }: Spooled,
  diffId: string,
): Promise<string> {
  await keepFile(places, carried, digest);
  const config = JSON.stringify({
    ...{ architecture: hostArchitecture(), os: 'linux', config: ROOT_CONFIG },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  });
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };
  return keepManifest(places, draft, config, [layer]);
}
