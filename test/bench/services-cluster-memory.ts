import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '@causeway/lab/lab';
import { start } from '@causeway/shared/programs/start';
import { type Row, rowOf } from './row.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const MOST_MB = 200;

/** Resident megabytes of each process, by what it is; of agents the most. */
export interface Memory {
  readonly agent: number;
  readonly controller: number;
  readonly etcd: number;
}

export function memoryOf(lab: Lab): Memory {
  const [first = ''] = lab.hosts;
  return {
    agent: Math.max(...lab.hosts.map((host) => residentMb(pidOf(lab, host, 'agent')))),
    controller: residentMb(pidOf(lab, first, 'controller')),
    etcd: residentMb(pidOf(lab, first, 'etcd')),
  };
}

/** The number that a daemon has on this machine. */
export function pidOf(lab: Lab, host: string, daemon: string): number {
  const { pid } = JSON.parse(readFileSync(join(lab.directory, 'hosts', host, `${daemon}.json`), 'utf8'));
  return pid as number;
}

/** Processor time that all threads of a process have had, milliseconds. */
export function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);
}

/** A node that has nothing to do. */
export async function idleMemory(): Promise<number> {
  const idle = start(process.execPath, ['-e', 'setInterval(() => {}, 1000000)'], { dieWithParent: true });
  await sleep(1_000);
  const found = residentMb(idle.pid);
  idle.kill('SIGKILL');
  await idle.exited;
  return found;
}

export function residentMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1_024) / 1e6;
}

/** Beside a node that does nothing. */
export function memoryRows({ services }: ServicesWorld, idle: number, loaded: Memory, after: Memory): Row[] {
  const of = (who: string) => `${who}: resident memory, ${services} services`;
  const told = '(reference: node -e, idle)';
  return [
    // Rules that were refused whole and cut into parts are garbage for a while; on a real host they are taken whole.
    rowOf(`${of('agent')}, just loaded, in parts ${told}`, 'MB', loaded.agent, idle, 'none'),
    rowOf(`${of('agent')}, after the bursts ${told}`, 'MB', after.agent, idle, `<= ${MOST_MB}`),
    rowOf(
      `${of('controller')}, after the bursts (reference: before)`,
      'MB',
      after.controller,
      loaded.controller,
      'none',
    ),
    rowOf(`${of('etcd')}, after the bursts (reference: before)`, 'MB', after.etcd, loaded.etcd, 'none'),
  ];
}
