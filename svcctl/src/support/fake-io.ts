import type { Io } from '../io.ts';

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
    terminal: () => {
      throw new Error('this test has no terminal');
    },
    now: () => performance.now(),
    stdout: () => stdout,
    stderr: () => stderr,
    ...settings,
  };
}
