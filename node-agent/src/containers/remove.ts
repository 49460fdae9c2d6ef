import { readdir, rm, rmdir } from 'node:fs/promises';
import { removeLink, removeNetns } from './network.ts';
import type { Observed } from './observe.ts';
import { CGROUP } from './oci.ts';
import { attachedNetnsOf, type Layout, type Place, placeOf } from './places.ts';
import { firstProcessesIn, identify, killAndWait, type ProcessId } from './processes.ts';
import { removeRecord } from './records.ts';
import { runcDelete } from './runc.ts';

/** Ends a container and takes its namespace, its link and its bundle away; what it needs to start again stays. */
export async function erase(layout: Layout, name: string, observed: Observed): Promise<void> {
  const place = placeOf(layout, name);
  await endProcess(layout, place, observed);
  if (observed.links.has(place.hostLink)) await removeLink(place.hostLink);
  if (observed.netns.has(name)) await removeNetns(place.netns);
  if (observed.attached.has(name)) await removeNetns(attachedNetnsOf(name));
  await rm(place.bundle, { recursive: true, force: true });
}

/** Takes everything of a container away; its record goes last, and its address is free with it. */
export async function removeContainer(layout: Layout, name: string, observed: Observed): Promise<void> {
  await erase(layout, name, observed);
  const place = placeOf(layout, name);
  await rm(place.rootfs, { recursive: true, force: true });
  await rm(place.log, { force: true });
  await removeRecord(place.record);
}

/** The folders that containers were kept in, and the cgroups that runc leaves empty. */
export async function removeFolders(layout: Layout): Promise<void> {
  for (const folder of [layout.runcRoot, layout.bundles, layout.rootfs, layout.images, layout.records])
    await rm(folder, { recursive: true, force: true });
}

/** cgroup v2 has one tree, v1 one for each controller; only empty folders can be removed at all. */
export async function removeCgroups(root = '/sys/fs/cgroup'): Promise<void> {
  const trees = [root, ...(await readdir(root).catch(() => [])).map((tree) => `${root}/${tree}`)];
  for (const tree of trees) {
    const ours = `${tree}${CGROUP}`;
    const left = await readdir(ours, { withFileTypes: true }).catch(() => []);
    for (const folder of left.filter((one) => one.isDirectory()))
      await rmdir(`${ours}/${folder.name}`).catch(() => undefined);
    await rmdir(ours).catch(() => undefined);
  }
}

/**
 * Kills what runs, then lets runc forget it: by itself `runc delete --force` looks only every 100 ms whether its kill
 * was heeded. A runc that cannot is no hindrance when the process was found without it.
 */
async function endProcess(layout: Layout, { name }: Place, observed: Observed): Promise<void> {
  const found = processesOf(name, observed);
  for (const process of found) await killAndWait(process);
  if (observed.runc.has(name)) {
    try {
      await runcDelete(layout.runcRoot, name);
    } catch (error) {
      if (found.length === 0) throw error;
    }
  }
  await rm(`${layout.runcRoot}/${name}`, { recursive: true, force: true });
}

function processesOf(name: string, observed: Observed): readonly ProcessId[] {
  const running = observed.running.get(name);
  const listed = running === undefined ? undefined : identify(running.pid);
  const known = [listed ?? [], observed.records.get(name)?.process ?? []].flat();
  const netns = observed.netns.get(name);
  return known.length > 0 || netns === undefined ? known : firstProcessesIn(netns);
}
