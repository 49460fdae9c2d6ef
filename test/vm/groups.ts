import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the kernel says of control groups, read alike on hosts with version 1, with both, and with 2. */
export interface Groups {
  /** The process is in this group, in each tree that limits anything. */
  hold(group: string, pid: number): boolean;
  /** Share of a processor; undefined: no limit. */
  cpus(group: string): number | undefined;
  /** Times that its processes were kept from running by the limit. */
  throttled(group: string): number;
  /** Bytes; undefined: no limit. */
  memory(group: string): number | undefined;
  /** Bytes of swap beside the memory; undefined: no limit, or a kernel that limits none. */
  swap(group: string): number | undefined;
  /** A group below this one can be limited. */
  passesOn(group: string): boolean;
  /** Folders by this path in any tree. */
  find(group: string): readonly string[];
}

const ROOT = '/sys/fs/cgroup';
/** Version 1 says "no limit" with the greatest number of pages. */
const NO_LIMIT = 2 ** 62;

export function groupsOf(): Groups {
  return existsSync(join(ROOT, 'cgroup.controllers')) ? version2() : version1();
}

function version2(): Groups {
  const read = (group: string, file: string) => readFileSync(join(ROOT, group, file), 'utf8').trim();
  const bytes = (text: string) => (text === 'max' ? undefined : Number(text));
  return {
    hold: (group, pid) => read(group, 'cgroup.procs').split('\n').includes(String(pid)),
    cpus: (group) => {
      const [quota = 'max', period] = read(group, 'cpu.max').split(' ');
      return quota === 'max' ? undefined : Number(quota) / Number(period);
    },
    throttled: (group) => Number(/^nr_throttled (\d+)$/m.exec(read(group, 'cpu.stat'))?.[1]),
    memory: (group) => bytes(read(group, 'memory.max')),
    swap: (group) =>
      existsSync(join(ROOT, group, 'memory.swap.max')) ? bytes(read(group, 'memory.swap.max')) : undefined,
    passesOn: (group) => {
      const passed = read(group, 'cgroup.subtree_control').split(' ');
      return ['cpu', 'memory'].every((controller) => passed.includes(controller));
    },
    find: (group) => [join(ROOT, group)].filter((path) => existsSync(path)),
  };
}

function version1(): Groups {
  const read = (tree: string, group: string, file: string) =>
    readFileSync(join(ROOT, tree, group, file), 'utf8').trim();
  const bytes = (text: string) => (Number(text) > NO_LIMIT ? undefined : Number(text));
  const memory: Groups['memory'] = (group) => bytes(read('memory', group, 'memory.limit_in_bytes'));
  return {
    hold: (group, pid) =>
      ['cpu', 'memory'].every((tree) => read(tree, group, 'cgroup.procs').split('\n').includes(String(pid))),
    cpus: (group) => {
      const quota = Number(read('cpu', group, 'cpu.cfs_quota_us'));
      return quota < 0 ? undefined : quota / Number(read('cpu', group, 'cpu.cfs_period_us'));
    },
    throttled: (group) => Number(/^nr_throttled (\d+)$/m.exec(read('cpu', group, 'cpu.stat'))?.[1]),
    memory,
    swap: (group) => {
      if (!existsSync(join(ROOT, 'memory', group, 'memory.memsw.limit_in_bytes'))) return undefined;
      const both = bytes(read('memory', group, 'memory.memsw.limit_in_bytes'));
      return both === undefined ? undefined : both - (memory(group) ?? 0);
    },
    passesOn: (group) => ['cpu', 'memory'].every((tree) => existsSync(join(ROOT, tree, group))),
    find: (group) =>
      readdirSync(ROOT)
        .map((tree) => join(ROOT, tree, group))
        .filter((path) => existsSync(path)),
  };
}
