import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../io.ts';
import type { Terminal } from '../terminal.ts';

export interface FakeIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** An Io that remembers. The environment names no lab and no socket of the machine that runs the tests. */
export function fakeIo(
  settings: Partial<Pick<Io, 'env' | 'colour' | 'stdin' | 'now' | 'terminal'>> = {},
): FakeIo {
  let stdout = '';
  let stderr = '';
  return {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    env: { SVCCTL_SERVER: 'unix:/nonexistent/svcctl-test.sock' },
    colour: false,
    uid: 0,
    stdin: async () => '',
    terminal: () => noTerminal(),
    now: () => performance.now(),
    stdout: () => stdout,
    stderr: () => stderr,
    ...settings,
  };
}

/** Streams that are none: nothing comes, and nobody looks at what goes. */
export function noTerminal(): Terminal {
  const nothing = () => undefined;
  return {
    ...{ stdin: Readable.from([]), stdout: new PassThrough().resume(), stderr: new PassThrough().resume() },
    ...{
      isTerminal: false,
      size: nothing,
      onResize: nothing,
      raw: nothing,
      onSignal: nothing,
      close: nothing,
    },
  };
}
