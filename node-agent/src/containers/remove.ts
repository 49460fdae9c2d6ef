import { readdir, rm, rmdir } from 'node:fs/promises';
import { removeLink, removeNetns } from './network.ts';
import type { Observed } from './observe.ts';
import { CGROUP } from './oci.ts';
import { type Layout, type Place, placeOf } from './places.ts';
import { killAndWait } from './processes.ts';
import { removeRecord } from './records.ts';
import { runcDelete } from './runc.ts';

/** Ends a container and takes its namespace, its link and its bundle away; what it needs to start again stays. */
export async function erase(layout: Layout, name: string, observed: Observed): Promise<void> {
  const place = placeOf(layout, name);
  await endProcess(layout, place, observed);
  if (observed.links.has(place.hostLink)) await removeLink(place.hostLink);
  if (observed.netns.has(name)) await removeNetns(place.netns);
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

/** By runc, or, when runc cannot, by the process that the record names. */
async function endProcess(layout: Layout, place: Place, observed: Observed): Promise<void> {
  const { name } = place;
  const known = observed.records.get(name)?.process;
  if (observed.runc.has(name)) {
    try {
      await runcDelete(layout.runcRoot, name);
    } catch (error) {
      if (known === undefined) throw error;
    }
  }
  if (known !== undefined) await killAndWait(known);
  await rm(`${layout.runcRoot}/${name}`, { recursive: true, force: true });
}
