import type { Context } from './context.ts';
import { CommandExit, EXIT, exitCodeOf, tellFaults } from './exit.ts';

/** For the `--help` of commands that take several names. */
export const SEVERAL_HELP = 'Each name is tried; the exit code is that of the first failure.';

/**
 * What a command does to each of several objects: what fails with one is told at once and keeps none of the others from
 * it. The first failure's exit code is the command's.
 */
export class Several {
  readonly #context: Context;
  #exitCode: number | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** One after the other; ends the command when nobody answers any more. @returns what became of those that went well */
  async each<T, R extends object>(all: readonly T[], act: (one: T) => Promise<R>): Promise<readonly R[]> {
    const done: R[] = [];
    for (const one of all)
      await this.attempt(async () => {
        done.push(await act(one));
      });
    return done;
  }

  /** Tells what goes wrong, and goes on. */
  async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      tellFaults(error, this.#context.io);
      this.#exitCode ??= exitCodeOf(error);
      if (exitCodeOf(error) === EXIT.unreachable) this.end();
    }
  }

  /** @throws CommandExit when anything went wrong */
  end(): void {
    if (this.#exitCode !== undefined) throw new CommandExit(this.#exitCode);
  }
}
