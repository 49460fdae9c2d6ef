import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/run';
import { isStaticElf } from '../images/elf.ts';

/** A root file system's content that containers share, made once. */
export interface Image {
  /** `<state-dir>/images/busybox-<hash>`: `busybox` itself. */
  readonly busybox: string;
  readonly applets: readonly string[];
}

const CANDIDATES = ['/bin/busybox', '/usr/bin/busybox'];
const HASH_DIGITS = 12;
/** What `busybox --list` may name; anything else never becomes a file's name. */
const APPLET = /^[a-z0-9[][\w[.-]{0,31}$/i;

/**
 * The built-in image, made from the host's own static busybox (`CAUSEWAY_BUSYBOX`, /bin/busybox,
 * /usr/bin/busybox). A copy, so that an upgrade of the host's does not reach into running containers.
 *
 * @throws CausewayError `not-found` when the host has no static busybox
 */
export async function busyboxImage(imagesDir: string): Promise<Image> {
  const { path, content } = await findBusybox();
  const hash = createHash('sha256').update(content).digest('hex').slice(0, HASH_DIGITS);
  const folder = `${imagesDir}/busybox-${hash}`;
  const listed = await run(path, ['--list'], { doing: 'listing the programs of busybox' });
  const applets = listed.stdout.split('\n').filter((applet) => APPLET.test(applet) && applet !== 'busybox');
  if (!(await names(imagesDir)).includes(`busybox-${hash}`)) await makeImage(imagesDir, folder, path);
  return { busybox: `${folder}/busybox`, applets };
}

/** Puts the image's content below an empty folder: one hard link and a symbolic link for each program. */
export async function unpackImage(image: Image, rootfs: string): Promise<void> {
  await Promise.all(
    ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'usr', 'var'].map((folder) =>
      mkdir(`${rootfs}/${folder}`, { recursive: true }),
    ),
  );
  await linkOrCopy(image.busybox, `${rootfs}/bin/busybox`);
  await Promise.all([
    ...image.applets.map((applet) => symlink('busybox', `${rootfs}/bin/${applet}`)),
    symlink('bin', `${rootfs}/sbin`),
    symlink('../bin', `${rootfs}/usr/bin`),
    symlink('../bin', `${rootfs}/usr/sbin`),
  ]);
}

async function findBusybox(): Promise<{ path: string; content: Buffer }> {
  const chosen = process.env.CAUSEWAY_BUSYBOX;
  const paths = chosen ? [chosen] : CANDIDATES;
  for (const path of paths) {
    const content = await readFile(path).catch(() => undefined);
    if (content !== undefined && isStaticElf(content)) return { path, content };
  }
  throw new CausewayError(
    'not-found',
    `making the busybox image: no static busybox at ${paths.join(' or ')} (Debian: busybox-static)`,
  );
}

/** Made beside and renamed, so that it is whole or not there; images of older busyboxes go, their links stay good. */
async function makeImage(imagesDir: string, folder: string, busybox: string): Promise<void> {
  await mkdir(imagesDir, { recursive: true });
  const old = (await names(imagesDir)).filter((name) => name.startsWith('busybox-'));
  const draft = await mkdtemp(`${imagesDir}/busybox-draft-`);
  await copyFile(busybox, `${draft}/busybox`);
  await rename(draft, folder);
  await Promise.all(old.map((name) => rm(`${imagesDir}/${name}`, { recursive: true, force: true })));
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    // Some file systems have no hard links, or too few.
    await copyFile(from, to);
  }
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
