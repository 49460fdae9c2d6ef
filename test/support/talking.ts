import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Lab } from '@causeway/lab/lab';
import { expect, vi } from 'vitest';

/** A svcctl that is talked to while it runs. */
export interface Talking {
  readonly child: ChildProcessWithoutNullStreams;
  stdout(): string;
  stderr(): string;
  /** Until what it has printed is like this. */
  says(pattern: RegExp): Promise<void>;
  /** Its end. */
  readonly exitCode: Promise<number | null>;
}

/** Starts svcctl with streams of its own, against a lab's controller. */
export function talk(lab: Lab, ...args: readonly string[]): Talking {
  const server = `unix:${join(lab.directory, 'hosts/host-1/run/causeway/controller.sock')}`;
  const child = spawn(process.execPath, [join(lab.directory, 'dist/bin/svcctl.cjs'), ...args], {
    env: { ...process.env, SVCCTL_SERVER: server },
  });
  const told = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk: Buffer) => {
      told[stream] += chunk.toString('latin1');
    });
  child.stdin.on('error', () => undefined);
  return {
    child,
    stdout: () => told.stdout,
    stderr: () => told.stderr,
    says: (pattern) =>
      vi.waitFor(() => expect(told.stdout + told.stderr).toMatch(pattern), { timeout: 30_000, interval: 20 }),
    exitCode: once(child, 'close').then(([code]) => code as number | null),
  };
}
