import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '@causeway/lab/lab';
import { run } from '@causeway/shared/programs/run';
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
  return talkTo(startSvcctl(lab, ...args));
}

/** svcctl whose streams are read by whoever asked for it. */
export function startSvcctl(lab: Lab, ...args: readonly string[]): ChildProcessWithoutNullStreams {
  const [program = '', ...words] = commandOf(lab, args);
  return spawn(program, words, { env: environmentOf(lab) });
}

/** A svcctl in a terminal, of which its user has the other end. */
export interface InTerminal extends Talking {
  resize(rows: number, columns: number): Promise<void>;
}

export function talkInTerminal(lab: Lab, ...args: readonly string[]): InTerminal {
  const tty = join(lab.directory, `tty-${terminals++}`);
  const command = commandOf(lab, args).map((word) => `'${word}'`);
  const script = `stty rows 24 cols 80; tty >'${tty}'; exec ${command.join(' ')}`;
  const options = ['--quiet', '--return', '--echo', 'never', '--command', script, '/dev/null'];
  return {
    ...talkTo(spawn('script', options, { env: { ...environmentOf(lab), SHELL: '/bin/sh' } })),
    resize: async (rows, columns) => {
      const name = readFileSync(tty, 'utf8').trim();
      await run('stty', ['-F', name, 'rows', `${rows}`, 'cols', `${columns}`]);
    },
  };
}

let terminals = 0;

function commandOf(lab: Lab, args: readonly string[]): readonly string[] {
  return [process.execPath, join(lab.directory, 'dist/bin/svcctl.cjs'), ...args];
}

function environmentOf(lab: Lab): NodeJS.ProcessEnv {
  const server = `unix:${join(lab.directory, 'hosts/host-1/run/causeway/controller.sock')}`;
  return { ...process.env, SVCCTL_SERVER: server };
}

function talkTo(child: ChildProcessWithoutNullStreams): Talking {
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
      vi.waitFor(() => expect(told.stdout + told.stderr).toMatch(pattern), {
        timeout: 120_000,
        interval: 20,
      }),
    exitCode: once(child, 'close').then(([code]) => code as number | null),
  };
}
