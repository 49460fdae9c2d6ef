import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';
import { addedIn, type Control, nameOfGroup, passOn, takeBack } from './passing-on.ts';

const ROOT = '/sys/fs/cgroup';
/** Time that the kernel may take to let go of the processes of a lab that has ended, milliseconds. */
const EMPTY_TIMEOUT_MS = 5_000;

/**
 * Makes a group of the lab's own below each of this machine's control groups, for the limits of its containers: the lab
 * sees it in place of the machine's, which it cannot write to. Where there is version 2 alone the machine's root group may
 * have to pass more on for that; its name says what, until `removeCgroups` takes it back.
 *
 * @returns its name; undefined where this user may make none, and then nothing is limited in the lab
 */
export function makeCgroups(lab: string): string | undefined {
  const { added, canLimit } = isWholeTree(ROOT) ? passOn(controlOf(ROOT)) : { added: [], canLimit: true };
  const others = foldersIn(ROOT);
  const own = `${lab}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const name = nameOfGroup(own, added, others);
  if (canLimit && hierarchies().filter((at) => make(at, join(at, name))).length > 0) return name;
  takeBack(controlOf(ROOT), added);
  return undefined;
}

/**
 * Removes a group that `makeCgroups` made and all below it, once no process is in it, and takes back what was added above it
 * unless another lab needs it. One that is gone is no error.
 */
export async function removeCgroups(name: string): Promise<void> {
  const deadline = performance.now() + EMPTY_TIMEOUT_MS;
  for (const at of hierarchies()) {
    for (;;) {
      try {
        removeBelow(join(at, name));
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
        if (performance.now() > deadline) {
          console.error(`lab: ${messageOf(error)}`);
          return;
        }
        await pause(20);
      }
    }
  }
  takeBack(controlOf(ROOT), addedIn(name));
}

/** Where this machine's control groups are mounted, of version 1 and 2. */
function hierarchies(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return mounts.flatMap((line) => {
    const [before = '', behind = ''] = line.split(' - ');
    const at = before.split(' ')[4] ?? '';
    return /^cgroup2? /.test(behind) && (at === ROOT || at.startsWith(`${ROOT}/`)) ? [at] : [];
  });
}

function make(parent: string, group: string): boolean {
  try {
    mkdirSync(group);
  } catch {
    return false;
  }
  if (isWholeTree(parent)) {
    if (passOn(controlOf(group)).canLimit) return true;
    rmdirSync(group);
    return false;
  }
  // A group of version 1 that has no processors and memory of its own takes nobody in.
  copy(parent, group, 'cpuset.cpus');
  copy(parent, group, 'cpuset.mems');
  return true;
}

/** Version 2 alone; beside version 1 its tree limits nothing. */
function isWholeTree(group: string): boolean {
  return group === ROOT && existsSync(join(group, 'cgroup.controllers'));
}

function controlOf(group: string): Control {
  const file = join(group, 'cgroup.subtree_control');
  return { read: () => readFileSync(file, 'utf8'), write: (change) => writeFileSync(file, change) };
}

function copy(parent: string, group: string, file: string): void {
  try {
    writeFileSync(join(group, file), readFileSync(join(parent, file)));
  } catch {
    // Other groups have no such file; one of version 2 inherits.
  }
}

function removeBelow(group: string): void {
  for (const entry of foldersIn(group)) removeBelow(join(group, entry));
  try {
    rmdirSync(group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** @returns none of a folder that cannot be read */
function foldersIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.flatMap((each) => (each.isDirectory() ? [each.name] : []));
  } catch {
    return [];
  }
}
