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
export async function openSession(): Promise<{
  readonly controller: FakeController;
  readonly svcctl: (argv: readonly string[], io?: Partial<Io>) => Promise<Result>;
  /** Makes any other Io ask this controller. */
  readonly env: Io['env'];
  readonly close: () => Promise<void>;
}> {
  const controller = new FakeController();
  const address = await controller.start();
  const env = { SVCCTL_SERVER: address };
  const svcctl = async (argv: readonly string[], settings: Partial<Io> = {}): Promise<Result> => {
    const io = fakeIo({ env, ...settings });
    const code = await run(argv, io);
    return { code, stdout: io.stdout(), stderr: io.stderr() };
  };
  return { controller, svcctl, env, close: () => controller.stop() };
}
