import { afterEach, beforeEach } from 'vitest';
import { run } from '../cli.ts';
import type { Io } from '../io.ts';
import { FakeController } from './fake-controller.ts';
import { fakeIo } from './fake-io.ts';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fake controller and command lines that are run against it, in this process. */
export interface Session {
  /** Knows nothing at the beginning of each test. */
  readonly controller: FakeController;
  readonly svcctl: (argv: readonly string[], io?: Partial<Io>) => Promise<Result>;
  /** Makes any other Io ask this controller. */
  readonly env: Io['env'];
}

/** A session for each test of a file. */
export function useSession(): Session {
  const controller = new FakeController();
  let env: Io['env'] = {};
  beforeEach(async () => {
    env = { SVCCTL_SERVER: await controller.start() };
  });
  afterEach(() => controller.stop());
  return {
    controller,
    svcctl: async (argv, settings = {}) => {
      const io = fakeIo({ env, ...settings });
      const code = await run(argv, io);
      return { code, stdout: io.stdout(), stderr: io.stderr() };
    },
    get env() {
      return env;
    },
  };
}
