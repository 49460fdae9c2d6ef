import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { sha256 } from '@causeway/shared/model/oci-image';
import { run } from '@causeway/shared/programs/run';
import { flushFile } from './durable.ts';
import { isStaticElf } from './elf.ts';
import type { ReadyImage } from './image.ts';
import { layerPath, type StorePlaces } from './places.ts';

const CANDIDATES = ['/bin/busybox', '/usr/bin/busybox'];
/** What `busybox --list` may name; anything else never becomes a file's name. */
const APPLET = /^[a-z0-9[][\w[.-]{0,31}$/i;
/** Grows when the layer is made in another way: it is made anew then, beside the one that containers still use. */
const LAYOUT = 'causeway busybox 1';

const FOLDERS = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var', 'var/tmp'];
const OPEN_FOLDERS = ['tmp', 'var/tmp'];
const LINKS = { sbin: 'bin', 'usr/bin': '../bin', 'usr/sbin': '../bin' };
const FILES = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
};

const CONFIG: ReadyImage['config'] = {
  entrypoint: [],
  cmd: ['sh'],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
};

/**
 * The built-in image, made from the host's own static busybox (`CAUSEWAY_BUSYBOX`, /bin/busybox, /usr/bin/busybox). A
 * copy, so that an upgrade of the host's does not reach into running containers.
 *
 * @returns makes it when it is not there, or the host's busybox is another one; throws CausewayError `not-found` when the
 *   host has no static busybox
 */
export function builtInImage(places: StorePlaces): () => Promise<ReadyImage> {
  let known: { readonly file: string; readonly image: ReadyImage } | undefined;
  return async () => {
    const paths = candidates();
    const file = await stateOf(paths);
    if (known !== undefined && known.file === file && (await isFolder(known.image.lowers[0])))
      return known.image;
    const image = await makeBuiltIn(places, paths);
    known = { file, image };
    return image;
  };
}

/** @returns the digest of the built-in image, made or not; undefined when the host has no static busybox */
export async function builtInDigest(): Promise<string | undefined> {
  const found = await findBusybox(candidates()).catch(() => undefined);
  return found && digestFor(found.content);
}

function candidates(): readonly string[] {
  const path = process.env.CAUSEWAY_BUSYBOX;
  return path ? [path] : CANDIDATES;
}

function digestFor(busybox: Buffer): string {
  return sha256(`${LAYOUT} ${sha256(busybox)}`);
}

async function makeBuiltIn(places: StorePlaces, paths: readonly string[]): Promise<ReadyImage> {
  const { path, content } = await findBusybox(paths);
  const digest = digestFor(content);
  const layer = layerPath(places, digest);
  if (!(await isFolder(layer))) await makeLayer(places, layer, path);
  return { digest, lowers: [layer], config: CONFIG };
}

async function findBusybox(paths: readonly string[]): Promise<{ path: string; content: Buffer }> {
  for (const path of paths) {
    const content = await readFile(path).catch(() => undefined);
    if (content !== undefined && isStaticElf(content)) return { path, content };
  }
  throw new CausewayError(
    'not-found',
    `making the busybox image: no static busybox at ${paths.join(' or ')} (Debian: busybox-static)`,
  );
}

/** Made beside and renamed, so that it is whole or not there, also after a power cut. */
async function makeLayer(places: StorePlaces, layer: string, busybox: string): Promise<void> {
  const listed = await run(busybox, ['--list'], { doing: 'listing the programs of busybox' });
  const applets = listed.stdout.split('\n').filter((applet) => APPLET.test(applet) && applet !== 'busybox');
  await Promise.all([places.drafts, places.layers].map((folder) => mkdir(folder, { recursive: true })));
  const draft = await mkdtemp(`${places.drafts}/busybox-`);
  for (const folder of FOLDERS) await mkdir(`${draft}/${folder}`);
  await copyFile(busybox, `${draft}/bin/busybox`);
  await Promise.all([
    // The umask of whoever started the agent has no say in it.
    ...['.', 'bin/busybox', ...FOLDERS].map((path) => chmod(`${draft}/${path}`, modeOf(path))),
    ...applets.map((applet) => symlink('busybox', `${draft}/bin/${applet}`)),
    ...Object.entries(LINKS).map(([link, target]) => symlink(target, `${draft}/${link}`)),
    ...Object.entries(FILES).map(async ([file, text]) => {
      await writeFile(`${draft}/${file}`, text);
      await chmod(`${draft}/${file}`, 0o644);
    }),
  ]);
  await Promise.all(['bin/busybox', ...Object.keys(FILES)].map((file) => flushFile(`${draft}/${file}`)));
  await rename(draft, layer).catch(async (error: unknown) => {
    await rm(draft, { recursive: true, force: true });
    // Another call has made it in the meantime.
    if (!(await isFolder(layer))) throw error;
  });
}

function modeOf(path: string): number {
  return OPEN_FOLDERS.includes(path) ? 0o1777 : 0o755;
}

/** Tells one state of a program's file from another. */
async function stateOf(paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return JSON.stringify(found.map((file) => [file?.dev, file?.ino, file?.size, file?.mtimeMs]));
}

async function isFolder(path: string | undefined): Promise<boolean> {
  return path !== undefined && (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
