import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYSCTL_ROOT } from './sysctl.ts';

/** A changed setting must be put back within a second, milliseconds. */
const PERIOD_MS = 500;

export interface SysctlWatch {
  /** Paths below /proc/sys, instead of those before. */
  focus(paths: readonly string[]): void;
  close(): void;
}

/** No one tells of a changed setting, so the few that matter are read over and over: some microseconds each. */
export function watchSysctls(paths: readonly string[], onChange: (reason: string) => void): SysctlWatch {
  let last = readAll(paths);
  const timer = setInterval(() => {
    for (const [path, before] of last) {
      const value = readOne(path);
      if (value === before) continue;
      last.set(path, value);
      onChange(`${path} is ${value ?? 'gone'}, and was ${before ?? 'not there'}`);
    }
  }, PERIOD_MS);
  timer.unref();
  return {
    focus: (wanted) => {
      if (wanted.length === last.size && wanted.every((path) => last.has(path))) return;
      last = readAll(wanted);
    },
    close: () => clearInterval(timer),
  };
}

function readAll(paths: readonly string[]): Map<string, string | undefined> {
  return new Map(paths.map((path) => [path, readOne(path)]));
}

/** Synchronous: the kernel answers from memory, sooner than a thread could be asked. */
function readOne(path: string): string | undefined {
  try {
    return readFileSync(join(SYSCTL_ROOT, path), 'utf8').trim();
  } catch {
    return undefined;
  }
}
