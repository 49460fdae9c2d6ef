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

/** PURE. As images name it: `SIGQUIT`, `QUIT`, `3`. */
export function signalOf(text: string | undefined): string | number {
  if (text === undefined || text === '') return 'SIGTERM';
  if (/^\d+$/.test(text)) return Number(text);
  return text.startsWith('SIG') ? text : `SIG${text}`;
}
