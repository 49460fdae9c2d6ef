import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { awaitEnds, type End, observeEnds } from './ends.ts';
import { type HostLink, listLinks } from './network.ts';
import { outOfMemory } from './out-of-memory.ts';
import { isContainerName, type Layout, NETNS_DIR, nameOfAttached, nameOfNetns, placeOf } from './places.ts';
import { bootId, isAlive, isLeaving, netnsOfProcess } from './processes.ts';
import { type ContainerRecord, readRecord } from './records.ts';
import { type RuncContainer, runcList, runcNames } from './runc.ts';
import { readShutdown, wentDownWith } from './shutdown.ts';

/** A container's running first process. */
export interface Running {
  readonly pid: number;
  /** Identity (inode) of its network namespace. */
  readonly netns: number | undefined;
}

/** Everything of ours that is on this host, by container name; any part may be missing. */
export interface Observed {
  readonly running: ReadonlyMap<string, Running>;
  /** Names that runc keeps a state of, running or not. */
  readonly runc: ReadonlySet<string>;
  readonly records: ReadonlyMap<string, ContainerRecord>;
  /** Named namespaces with their identity; undefined: only a name, with no namespace behind it. */
  readonly netns: ReadonlyMap<string, number | undefined>;
  /** Likewise those of containers of others. */
  readonly attached: ReadonlyMap<string, number | undefined>;
  /** Every link of the host, by its own name. */
  readonly links: ReadonlyMap<string, HostLink>;
  /** Names that have files only: a bundle, a root file system, a log. */
  readonly files: ReadonlySet<string>;
  /**
   * Exit codes of those that have ended by themselves since their last start, as far as their monitors lived to write them;
   * not of those that went down with their host.
   */
  readonly exits: ReadonlyMap<string, number>;
  /** Those of them that the kernel has killed a program of for want of memory. */
  readonly outOfMemory: ReadonlySet<string>;
  /** Names whose root file system is mounted. */
  readonly mounted: ReadonlySet<string>;
  /** Which start of the host this is. */
  readonly bootId: string;
  /** Why runc could not say what runs. */
  readonly runcFault?: unknown;
}

/** statfs's type of a namespace's file. */
const NSFS_MAGIC = 0x6e736673;

export async function observe(layout: Layout): Promise<Observed> {
  const [runc, files, records, netns, attached, links, ends, shutdown, mounted] = await Promise.all([
    runcNames(layout.runcRoot).then((all) => new Set(all.filter(isContainerName))),
    fileNames(layout),
    readRecords(layout),
    observeNetns(nameOfNetns),
    observeNetns(nameOfAttached),
    listLinks(),
    observeEnds(layout),
    readShutdown(layout),
    mountedRoots(layout),
  ]);
  const boot = bootId();
  const found = await observeRunning(layout, { runc, records, ends });
  const gone = [...runc].filter((name) => !found.running.has(name) && !ends.has(name));
  const unseen = gone.filter((name) => records.get(name)?.process?.bootId === boot);
  const own = [...ends, ...(await awaitEnds(layout, unseen))].filter(
    ([name, { at }]) => !wentDownWith(shutdown, records.get(name)?.process?.bootId, at, boot),
  );
  const exits = new Map(own.map(([name, { code }]) => [name, code]));
  const seen = { runc, files, netns, attached, links, exits, mounted, records, bootId: boot };
  return { ...seen, ...found, outOfMemory: await outOfMemory(layout, exits) };
}

/** What this host remembers of its containers, by name. */
export async function readRecords(layout: Layout): Promise<ReadonlyMap<string, ContainerRecord>> {
  const files = await readdir(layout.records).catch(() => []);
  const names = files.flatMap((file) => (file.endsWith('.json') ? file.slice(0, -'.json'.length) : []));
  const records = new Map<string, ContainerRecord>();
  for (const name of names.filter(isContainerName)) {
    const record = await readRecord(placeOf(layout, name).record);
    if (record?.name === name) records.set(name, record);
  }
  return records;
}

/** Names of all containers that have left anything on this host but a link. */
export function namesIn(observed: Observed): ReadonlySet<string> {
  const { runc, netns, attached, files, mounted } = observed;
  return new Set([...runc, ...netns.keys(), ...attached.keys(), ...files, ...mounted]);
}

interface Known extends Pick<Observed, 'runc' | 'records'> {
  readonly ends: ReadonlyMap<string, End>;
}

/** What is remembered of a start says which process it was; runc is asked only of those that nothing is remembered of. */
async function observeRunning(
  layout: Layout,
  { runc, records, ends }: Known,
): Promise<Pick<Observed, 'running' | 'runcFault'>> {
  const processOf = (name: string) => records.get(name)?.process;
  const alive = [...runc].flatMap((name) => {
    const process = processOf(name);
    return process !== undefined && isAlive(process) && !isLeaving(process.pid)
      ? [[name, process] as const]
      : [];
  });
  const running = new Map(alive.map(([name, { pid }]) => [name, { pid, netns: netnsOfProcess(pid) }]));
  const unsure = [...runc].filter((name) => processOf(name) === undefined && !ends.has(name));
  if (unsure.length === 0) return { running };
  try {
    const listed = await runcList(layout.runcRoot);
    for (const name of unsure) {
      const container = listed.get(name);
      if (container === undefined || !runs(container)) continue;
      running.set(name, { pid: container.pid, netns: netnsOfProcess(container.pid) });
    }
    return { running };
  } catch (runcFault) {
    return { running, runcFault };
  }
}

/** Whoever paused a container wants it paused. */
function runs({ status }: RuncContainer): boolean {
  return status === 'running' || status === 'paused';
}

async function observeNetns(
  nameOf: (file: string) => string | undefined,
): Promise<ReadonlyMap<string, number | undefined>> {
  const found = new Map<string, number | undefined>();
  for (const file of await readdir(NETNS_DIR).catch(() => [])) {
    const name = nameOf(file);
    if (name !== undefined) found.set(name, await netnsOfFile(`${NETNS_DIR}/${file}`));
  }
  return found;
}

async function netnsOfFile(path: string): Promise<number | undefined> {
  try {
    return (await statfs(path)).type === NSFS_MAGIC ? (await stat(path)).ino : undefined;
  } catch {
    return undefined;
  }
}

async function mountedRoots(layout: Layout): Promise<ReadonlySet<string>> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return new Set(mounts.split('\n').flatMap((line) => nameOfMount(line.split(' ')[4] ?? '', layout) ?? []));
}

/** PURE. @param at as mountinfo has it, where a space is `\\040` */
function nameOfMount(at: string, layout: Layout): string | undefined {
  const path = at.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  if (!path.startsWith(`${layout.roots}/`) || !path.endsWith('/merged')) return undefined;
  const name = path.slice(layout.roots.length + 1, -'/merged'.length);
  return isContainerName(name) ? name : undefined;
}

async function fileNames(layout: Layout): Promise<ReadonlySet<string>> {
  const { bundles, roots, rootfs, records, exits } = layout;
  const folders = await Promise.all(
    [bundles, roots, rootfs, records, exits].map((folder) => readdir(folder).catch(() => [])),
  );
  const names = folders.flat().map((file) => file.replace(/\.(json|json\.tmp|log)$/, ''));
  return new Set(names.filter(isContainerName));
}
