import { constants } from 'node:os';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { identify, type ProcessId, signalProcess } from './processes.ts';

const DEFAULT_STOP_SECONDS = 10;

interface Stopping {
  readonly process: ProcessId;
  /** When it is killed. */
  readonly until: number;
}

/** Containers that were asked to end and have not yet. The clock is an input, milliseconds. */
export interface Stops {
  /** Asks it to end, once; kills it when its time is over. @returns milliseconds that it has left */
  stop(spec: ContainerSpec, pid: number, signal: string | undefined, now: number): number;
  /** Forgets those that are not being stopped any more. */
  keepOnly(names: ReadonlySet<string>): void;
  /** Whether the time of one is over. */
  due(now: number): boolean;
}

export function createStops(): Stops {
  const stopping = new Map<string, Stopping>();
  return {
    stop({ name, stopSeconds = DEFAULT_STOP_SECONDS }, pid, signal, now) {
      const process = identify(pid);
      if (process === undefined) return 0;
      const known = stopping.get(name);
      if (known?.process.startTime !== process.startTime) {
        stopping.set(name, { process, until: now + stopSeconds * 1_000 });
        signalProcess(process, signalOf(signal));
      }
      const left = (stopping.get(name)?.until ?? now) - now;
      if (left <= 0) signalProcess(process, 'SIGKILL');
      return Math.max(0, left);
    },
    keepOnly(names) {
      for (const name of stopping.keys()) if (!names.has(name)) stopping.delete(name);
    },
    due: (now) => [...stopping.values()].some(({ until }) => until <= now),
  };
}

const { signals } = constants;
/** The first and the last real-time signal, as programs count them (signal(7)). */
const FIRST_REAL_TIME = 34;
const LAST_REAL_TIME = 64;

/** PURE. As images name it: `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3`. What names no signal is SIGTERM. */
export function signalOf(text = ''): number {
  const number = /^\d+$/.test(text) ? Number(text) : numberOf(text.replace(/^SIG/, ''));
  return number >= 1 && number <= LAST_REAL_TIME ? number : signals.SIGTERM;
}

function numberOf(name: string): number {
  const [, from, distance = '0'] = /^(RTMIN|RTMAX)([+-]\d+)?$/.exec(name) ?? [];
  if (from !== undefined) return (from === 'RTMIN' ? FIRST_REAL_TIME : LAST_REAL_TIME) + Number(distance);
  const known: Readonly<Record<string, number>> = signals;
  return known[`SIG${name}`] ?? 0;
}
