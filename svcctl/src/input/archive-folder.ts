import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CausewayError, invalid, messageOf } from '@causeway/shared/errors';
import { type Header, type Pack, pack } from 'tar-stream';

/** Everything in a folder as a tar, made as it is read: modes, owners, times and hard links are kept. */
export function tarOfFolder(folder: string): Readable {
  const packer = pack();
  const archive = Readable.from(packer);
  add({ packer, folder, files: new Map() }, '')
    .then(() => packer.finalize())
    .catch((error: unknown) => {
      const told = new CausewayError('invalid', `reading ${folder}: ${messageOf(error)}`, { cause: error });
      archive.destroy(error instanceof CausewayError ? error : told);
      packer.destroy();
    });
  return archive;
}

interface Packing {
  readonly packer: Pack;
  readonly folder: string;
  /** Files that have several names, by device and number: the first of them. */
  readonly files: Map<string, string>;
}

async function add(packing: Packing, path: string): Promise<void> {
  const { packer, folder, files } = packing;
  const full = `${folder}/${path}`;
  const stats = await lstat(full);
  const header = { ...metadata(stats), name: `./${path}` };
  if (stats.isDirectory()) {
    await put(packer, { ...header, type: 'directory' });
    for (const name of await namesIn(full)) await add(packing, path === '' ? name : `${path}/${name}`);
  } else if (stats.isSymbolicLink())
    await put(packer, { ...header, type: 'symlink', linkname: await readlink(full) });
  else if (stats.isFile()) {
    const id = `${stats.dev} ${stats.ino}`;
    const first = files.get(id);
    if (first !== undefined) return put(packer, { ...header, type: 'link', linkname: first });
    if (stats.nlink > 1) files.set(id, header.name);
    const sink = packer.entry({ ...header, size: stats.size });
    await pipeline(createReadStream(full), sink as unknown as NodeJS.WritableStream);
  } else if (stats.isFIFO()) await put(packer, { ...header, type: 'fifo' });
  // A socket is nothing without who listens on it; of devices hosts take none.
}

/** @throws CausewayError `invalid` for a name that is no text: it would arrive as another */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { encoding: 'buffer' });
  return names
    .map((bytes) => {
      const name = bytes.toString();
      if (Buffer.from(name).equals(bytes)) return name;
      throw invalid('file', `${folder}/${name}`, 'has a name that is not UTF-8; make a tar of the folder');
    })
    .sort();
}

function metadata({ mode, uid, gid, mtime }: Stats): Pick<Header, 'mode' | 'uid' | 'gid' | 'mtime'> {
  return { mode: mode & 0o7777, uid, gid, mtime };
}

function put(packer: Pack, header: Parameters<Pack['entry']>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    packer.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}
