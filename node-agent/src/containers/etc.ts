import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { type ByFamily, entriesOf } from '@causeway/shared/net/family';
import type { World } from './connection.ts';
import type { Place } from './places.ts';

/** Where a host says which name servers it asks; the second lists the real ones behind systemd's stub. */
const RESOLV_CONFS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];
const HOSTS = '/etc/hosts';
const MADE = [HOSTS, '/etc/hostname', '/etc/resolv.conf'];

/** The files of /etc that are made for a container and mounted over its image's, by path; its definition's go before. */
export function madeFiles({ files, mounts = [] }: ContainerSpec): readonly string[] {
  const taken = new Set([...Object.keys(files), ...mounts.map(({ destination }) => destination)]);
  return MADE.filter((path) => !taken.has(path));
}

/** The file on the host that is mounted there. */
export function madeFile({ etc }: Place, path: string): string {
  return `${etc}/${path.slice('/etc/'.length)}`;
}

/** Writes all of them for a start. @param owner the container's root, in the host's numbers */
export async function writeMadeFiles(
  place: Place,
  spec: ContainerSpec,
  world: World,
  owner: number,
): Promise<void> {
  await mkdir(place.etc, { recursive: true });
  const servers = await hostNameServers();
  const texts: Readonly<Record<string, string>> = {
    [HOSTS]: hostsOf(spec, world),
    '/etc/hostname': `${hostnameOf(spec)}\n`,
    '/etc/resolv.conf': servers.map((server) => `nameserver ${server}\n`).join(''),
  };
  for (const path of madeFiles(spec)) {
    const file = madeFile(place, path);
    await writeFile(file, texts[path] ?? '', { mode: 0o644 });
    if (owner !== 0) await chown(file, owner, owner);
  }
}

/**
 * Brings the hosts file of a running container up to date: in place, since the file itself is mounted, not its name.
 *
 * @returns whether it was another one
 */
export async function refreshHosts(place: Place, spec: ContainerSpec, world: World): Promise<boolean> {
  if (!madeFiles(spec).includes(HOSTS)) return false;
  const path = madeFile(place, HOSTS);
  const text = hostsOf(spec, world);
  const old = await readFile(path, 'utf8').catch(() => undefined);
  // Without one it was started by an agent that knew of no such file.
  if (old === undefined || old === text) return false;
  await writeFile(path, text);
  return true;
}

export function hostnameOf({ name, hostname = name }: ContainerSpec): string {
  return hostname;
}

/** Lines about all containers of a host, which are the same for each of its files. */
const linesOf = new WeakMap<World['addresses'], readonly HostLines[]>();

interface HostLines {
  readonly name: string;
  readonly text: string;
}

function hostsOf(spec: ContainerSpec, { addresses }: World): string {
  const lines = linesOf.get(addresses) ?? hostLines(addresses);
  linesOf.set(addresses, lines);
  return hostsFile(spec, addresses.get(spec.name) ?? {}, lines);
}

/** PURE. The containers of a host by name, sorted. */
export function hostLines(addresses: ReadonlyMap<string, ByFamily<string>>): readonly HostLines[] {
  return [...addresses]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, own]) => ({ name, text: linesFor(own, name) }));
}

/** PURE. Itself by name and host name, and the others of its host by name. */
export function hostsFile(spec: ContainerSpec, own: ByFamily<string>, all: readonly HostLines[]): string {
  const hostname = hostnameOf(spec);
  const names = hostname === spec.name ? hostname : `${hostname} ${spec.name}`;
  const local = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';
  const others = all.filter(({ name }) => name !== spec.name).map(({ text }) => text);
  return [local, linesFor(own, names), ...others].join('');
}

function linesFor(addresses: ByFamily<string>, names: string): string {
  return entriesOf(addresses)
    .map(([, address]) => `${address}\t${names}\n`)
    .join('');
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
