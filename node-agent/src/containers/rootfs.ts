import { chmod, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { type ByFamily, entriesOf } from '@causeway/shared/net/family';
import { type Image, unpackImage } from './image.ts';

/** Where a host says which name servers it asks; the second lists the real ones behind systemd's stub. */
const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

const HOSTS = '/etc/hosts';

/**
 * Makes a container's root file system anew, for one start: the image, the usual files of /etc, the definition's files.
 *
 * @param spec checked (`checkSpec`): its paths are absolute and without `..`
 * @throws CausewayError `invalid` when one file's path goes through another file
 */
export async function makeRootfs(
  rootfs: string,
  image: Image,
  spec: ContainerSpec,
  addresses: ByFamily<string>,
): Promise<void> {
  await rm(rootfs, { recursive: true, force: true });
  await mkdir(rootfs, { recursive: true });
  await unpackImage(image, rootfs);
  const files = { ...etcFiles(spec.name, addresses, await hostNameServers()), ...spec.files };
  for (const [path, text] of Object.entries(files)) await putFile(rootfs, path, text);
}

/** Writes a running container's new addresses where its programs look for them. */
export async function moveHosts(
  rootfs: string,
  { name, files }: ContainerSpec,
  addresses: ByFamily<string>,
): Promise<void> {
  if (files[HOSTS] === undefined) await putFile(rootfs, HOSTS, hostsFile(name, addresses));
}

/** PURE. What programs expect in /etc; a file of the definition wins over one of these. */
export function etcFiles(
  name: string,
  addresses: ByFamily<string>,
  nameServers: readonly string[],
): Readonly<Record<string, string>> {
  return {
    '/etc/hostname': `${name}\n`,
    [HOSTS]: hostsFile(name, addresses),
    '/etc/resolv.conf': nameServers.map((server) => `nameserver ${server}\n`).join(''),
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    '/etc/group': 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  };
}

function hostsFile(name: string, addresses: ByFamily<string>): string {
  const own = entriesOf(addresses).map(([, address]) => `${address}\t${name}\n`);
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${own.join('')}`;
}

/** PURE. The name servers that a container can reach: none on the host's own loopback. */
export function reachableNameServers(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)\s*$/gm)]
    .map((match) => match[1] ?? '')
    .filter((server) => !server.startsWith('127.') && server !== '::1');
}

async function hostNameServers(): Promise<readonly string[]> {
  for (const path of RESOLV_CONFS) {
    const servers = reachableNameServers(await readFile(path, 'utf8').catch(() => ''));
    if (servers.length > 0) return servers;
  }
  return [];
}

async function putFile(rootfs: string, path: string, text: string): Promise<void> {
  const full = rootfs + path;
  try {
    await mkdir(dirname(full), { recursive: true });
    await insideOnly(rootfs, dirname(full));
    // The image's file is a hard link that all containers share: it is replaced, never written through.
    await rm(full, { force: true });
    await writeFile(full, text, { flag: 'wx' });
    // Scripts are there to be run; the mode is set apart from the umask.
    await chmod(full, text.startsWith('#!') ? 0o755 : 0o644);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CausewayError('invalid', `files ${JSON.stringify(path)} cannot be written: ${reason}`, {
      field: 'files',
      value: path,
      cause,
    });
  }
}

/** The image's own links (`/sbin` → `bin`) are followed, but never out of the root. */
async function insideOnly(rootfs: string, folder: string): Promise<void> {
  const [root, real] = await Promise.all([realpath(rootfs), realpath(folder)]);
  if (real !== root && !real.startsWith(`${root}/`)) throw new Error('it leads out of the root');
}
