import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '@causeway/shared/errors';

const ROOT = '/sys/fs/cgroup';
/** Time that the kernel may take to let go of the processes of a lab that has ended, milliseconds. */
const EMPTY_TIMEOUT_MS = 5_000;
/** What limits are made of; a group of version 2 has of it what the one above passes on. */
const CONTROLLERS = ['cpu', 'memory'];

/**
 * Makes a group of the lab's own below each of this machine's control groups, for the limits of its containers: the lab
 * sees it in place of the machine's, which it cannot write to.
 *
 * @returns its name; undefined where this user may make none, and then nothing is limited in the lab
 */
export function makeCgroups(lab: string): string | undefined {
  const name = `causeway-lab-${lab}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const made = hierarchies().filter((at) => make(at, join(at, name)));
  return made.length === 0 ? undefined : name;
}

/** Removes a group that `makeCgroups` made and all below it, once no process is in it. One that is gone is no error. */
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
    if (passOn(parent) && passOn(group)) return true;
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

/** Lets the groups below be limited. @returns whether they can be */
function passOn(group: string): boolean {
  const file = join(group, 'cgroup.subtree_control');
  for (const controller of CONTROLLERS)
    try {
      writeFileSync(file, `+${controller}`);
    } catch {
      // The kernel has it not, or processes are in this group: both show below.
    }
  const passed = readFileSync(file, 'utf8').trim().split(' ');
  return CONTROLLERS.every((controller) => passed.includes(controller));
}

function copy(parent: string, group: string, file: string): void {
  try {
    writeFileSync(join(group, file), readFileSync(join(parent, file)));
  } catch {
    // Other groups have no such file; one of version 2 inherits.
  }
}

function removeBelow(group: string): void {
  let entries: string[];
  try {
    entries = readdirSync(group, { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? [each.name] : [],
    );
  } catch {
    return;
  }
  for (const entry of entries) removeBelow(join(group, entry));
  try {
    rmdirSync(group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
