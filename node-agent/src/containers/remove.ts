import { rm } from 'node:fs/promises';
import { cgroupParent, removeCgroup } from './cgroups.ts';
import { monitorOf } from './conmon.ts';
import { endSessions } from './exec-session.ts';
import { hostAbilities } from './host.ts';
import { removeLink, removeNetns } from './network.ts';
import type { Observed } from './observe.ts';
import { attachedNetnsOf, type Layout, type Place, placeOf } from './places.ts';
import { firstProcessesIn, identify, isAlive, killAndWait, killFamily, type ProcessId } from './processes.ts';
import { removeRecord } from './records.ts';
import { removeRoot } from './rootfs.ts';
import { runcDelete } from './runc.ts';

/** Ends a container and takes its namespace, its link and its bundle away; what it needs to start again stays. */
export async function erase(layout: Layout, name: string, observed: Observed): Promise<void> {
  const place = placeOf(layout, name);
  await endProcess(layout, place, observed);
  if (observed.links.has(place.hostLink)) await removeLink(place.hostLink);
  if (observed.netns.has(name)) await removeNetns(place.netns);
  if (observed.attached.has(name)) await removeNetns(attachedNetnsOf(name));
  await rm(place.bundle, { recursive: true, force: true });
  // Nothing of an earlier agent's making is started again.
  await rm(place.rootfs, { recursive: true, force: true });
}

/** Takes everything of a container away; its record goes last, and its address is free with it. */
export async function removeContainer(layout: Layout, name: string, observed: Observed): Promise<void> {
  const place = placeOf(layout, name);
  endSessions(place, `container ${name} was removed`);
  await erase(layout, name, observed);
  await removeRoot(place, observed.mounted.has(name));
  await rm(place.log, { force: true });
  await rm(place.exit, { force: true });
  const { inUserNamespace } = await hostAbilities();
  await removeCgroup(cgroupParent(layout.records, inUserNamespace), name);
  await removeRecord(place.record);
}

/** The folders that containers were kept in. */
export async function removeFolders(layout: Layout): Promise<void> {
  const { runcRoot, bundles, roots, exits, shutdown, rootfs, images, mapped, records } = layout;
  for (const folder of [runcRoot, bundles, roots, exits, shutdown, rootfs, images, mapped, records])
    await rm(folder, { recursive: true, force: true });
}

/**
 * Kills what runs, then lets runc forget it: by itself `runc delete --force` looks only every 100 ms whether its kill
 * was heeded. A runc that cannot is no hindrance when the process was found without it.
 *
 * The monitor goes first, with what it has begun: of an agent that was killed it may still be making the container.
 */
async function endProcess(layout: Layout, place: Place, observed: Observed): Promise<void> {
  const { name } = place;
  const monitor = monitorOf(place);
  if (monitor !== undefined) await killFamily(monitor);
  const found = processesOf(name, observed).filter(isAlive);
  for (const process of found) await killAndWait(process);
  if (observed.runc.has(name)) {
    try {
      await runcDelete(layout.runcRoot, name);
    } catch (error) {
      if (found.length === 0 && monitor === undefined) throw error;
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
