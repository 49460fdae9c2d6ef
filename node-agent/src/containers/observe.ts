import { readdir, stat, statfs } from 'node:fs/promises';
import { type HostLink, listLinks } from './network.ts';
import { isContainerName, type Layout, NETNS_DIR, nameOfAttached, nameOfNetns, placeOf } from './places.ts';
import { netnsOfProcess } from './processes.ts';
import { type ContainerRecord, readRecord } from './records.ts';
import { type RuncContainer, runcList, runcNames } from './runc.ts';

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
  /** Why runc could not say what runs. */
  readonly runcFault?: unknown;
}

/** statfs's type of a namespace's file. */
const NSFS_MAGIC = 0x6e736673;

export async function observe(layout: Layout): Promise<Observed> {
  const [runc, files, netns, attached, links] = await Promise.all([
    runcNames(layout.runcRoot).then((all) => new Set(all.filter(isContainerName))),
    fileNames(layout),
    observeNetns(nameOfNetns),
    observeNetns(nameOfAttached),
    listLinks(),
  ]);
  const records = new Map<string, ContainerRecord>();
  for (const name of files) {
    const record = await readRecord(placeOf(layout, name).record);
    if (record?.name === name) records.set(name, record);
  }
  return { runc, files, netns, attached, links, records, ...(await observeRunning(layout, runc)) };
}

/** Names of all containers that have left anything on this host but a link. */
export function namesIn(observed: Observed): ReadonlySet<string> {
  return new Set([
    ...observed.runc,
    ...observed.netns.keys(),
    ...observed.attached.keys(),
    ...observed.files,
  ]);
}

/** No process is started where runc has nothing to tell. */
async function observeRunning(
  layout: Layout,
  names: ReadonlySet<string>,
): Promise<Pick<Observed, 'running' | 'runcFault'>> {
  if (names.size === 0) return { running: new Map() };
  try {
    const listed = [...(await runcList(layout.runcRoot))].filter(([, container]) => runs(container));
    return {
      running: new Map(listed.map(([name, { pid }]) => [name, { pid, netns: netnsOfProcess(pid) }])),
    };
  } catch (runcFault) {
    return { running: new Map(), runcFault };
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

async function fileNames(layout: Layout): Promise<ReadonlySet<string>> {
  const folders = await Promise.all(
    [layout.bundles, layout.rootfs, layout.records].map((folder) => readdir(folder).catch(() => [])),
  );
  const names = folders.flat().map((file) => file.replace(/\.(json|json\.tmp|log)$/, ''));
  return new Set(names.filter(isContainerName));
}
