import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { readJsonFile, writeJsonFile } from './json-file.ts';

/** Values before our first change and the ones that we set, by path below /proc/sys. */
type Recorded = Readonly<Record<string, { readonly before: string; readonly set: string }>>;

export const SYSCTL_ROOT = '/proc/sys';
/** Writing one of these sets every link's own forwarding; by where the kernel has those. */
const FORWARDS: ReadonlyMap<string, string> = new Map([
  ['net/ipv4/ip_forward', 'net/ipv4/conf'],
  ['net/ipv6/conf/all/forwarding', 'net/ipv6/conf'],
]);

/** @returns by path; undefined where the kernel has no such setting */
export async function readSysctls(
  paths: readonly string[],
): Promise<Readonly<Record<string, string | undefined>>> {
  const values = await Promise.all(paths.map(readSysctl));
  return Object.fromEntries(paths.map((path, i) => [path, values[i]]));
}

/**
 * Sets one value; what was there before our first change is recorded in `file` beforehand.
 *
 * @throws CausewayError `kernel-rejected`
 */
export async function setSysctl(path: string, value: string, file: string): Promise<void> {
  await record({ ...(await besideForward(path, value)), [path]: value }, file);
  try {
    await writeFile(join(SYSCTL_ROOT, path), `${value}\n`);
  } catch (cause) {
    const told = `setting ${path} to ${value}: ${messageOf(cause)}`;
    throw new CausewayError('kernel-rejected', told, { cause });
  }
}

/**
 * Puts back every recorded value that is still the one we set, and forgets the record.
 *
 * @returns a sentence for each that changed
 * @throws CausewayError `kernel-rejected` when one could not be put back; all others are, and the record stays
 */
export async function restoreSysctls(file: string): Promise<readonly string[]> {
  const recorded = await load(file);
  const told: string[] = [];
  const failed: string[] = [];
  // The switches for all links first: each link's own forwarding is put back after them.
  const paths = Object.keys(recorded).sort((a, b) => Number(FORWARDS.has(b)) - Number(FORWARDS.has(a)));
  const now = await readSysctls(paths);
  for (const path of paths) {
    const entry = recorded[path];
    if (entry === undefined || now[path] !== entry.set) continue;
    try {
      await writeFile(join(SYSCTL_ROOT, path), `${entry.before}\n`);
      if (entry.before !== entry.set) told.push(`set ${path} back to ${entry.before}`);
    } catch (error) {
      failed.push(`${path} to ${entry.before}: ${messageOf(error)}`);
    }
  }
  if (failed.length > 0) throw new CausewayError('kernel-rejected', `setting back ${failed.join('; ')}`);
  await rm(file, { force: true });
  return told;
}

async function readSysctl(path: string): Promise<string | undefined> {
  try {
    return (await readFile(join(SYSCTL_ROOT, path), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** @param touched by path, the value that it is about to have */
async function record(touched: Readonly<Record<string, string>>, file: string): Promise<void> {
  const recorded = await load(file);
  const missing = Object.entries(touched).filter(([path]) => recorded[path] === undefined);
  const now = await readSysctls(missing.map(([path]) => path));
  const fresh = missing.flatMap(([path, set]) => {
    const before = now[path];
    return before === undefined ? [] : [[path, { before, set }] as const];
  });
  if (fresh.length > 0) await writeJsonFile(file, { ...recorded, ...Object.fromEntries(fresh) });
}

/** What the kernel writes along with a switch for all links, also where an administrator had set one apart. */
async function besideForward(path: string, value: string): Promise<Readonly<Record<string, string>>> {
  const folder = FORWARDS.get(path);
  if (folder === undefined) return {};
  const links = await readdir(join(SYSCTL_ROOT, folder)).catch(() => []);
  const forwarding = links
    .filter((link) => link !== 'all')
    .map((link) => [`${folder}/${link}/forwarding`, value] as const);
  if (folder !== 'net/ipv4/conf') return Object.fromEntries(forwarding);
  const redirects = ['net/ipv4/conf/all/accept_redirects', value === '1' ? '0' : '1'] as const;
  return Object.fromEntries([...forwarding, redirects]);
}

async function load(file: string): Promise<Recorded> {
  const found = await readJsonFile(file);
  if (typeof found !== 'object' || found === null) return {};
  const entries = Object.entries(found).filter(
    ([, entry]) => typeof entry?.before === 'string' && typeof entry?.set === 'string',
  );
  return Object.fromEntries(entries);
}
