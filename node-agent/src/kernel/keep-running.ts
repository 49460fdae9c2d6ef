import { messageOf } from '@causeway/shared/errors';
import { type Started, start } from '@causeway/shared/programs/start';

export interface Running {
  close(): void;
}

export interface KeepOptions {
  readonly onLine: (line: string) => void;
  /** Called when something may have been missed: the program ended, was started again, or complained. */
  readonly onGap: (reason: string) => void;
}

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 30_000;
/** A program that ran for this long is not failing over and over. */
const STABLE_MS = 10_000;

/** Keeps a listening program running for as long as it is wanted; it dies with this process. */
export function keepRunning(command: string, args: readonly string[], options: KeepOptions): Running {
  let closed = false;
  let pause = RETRY_MIN_MS;
  let timer: NodeJS.Timeout | undefined;
  let program: Started | undefined;

  const begin = (again: boolean) => {
    const startedAt = performance.now();
    try {
      program = start(command, args, {
        dieWithParent: true,
        onLine: (line, stream) => {
          if (closed) return;
          if (stream === 'stdout') options.onLine(line);
          else options.onGap(`${command} complains: ${line}`);
        },
      });
    } catch (error) {
      retry(messageOf(error));
      return;
    }
    program.exited.then((exit) => {
      if (performance.now() - startedAt > STABLE_MS) pause = RETRY_MIN_MS;
      retry(`\`${command} ${args.join(' ')}\` ended (${exit.signal ?? exit.exitCode})`);
    });
    if (again) options.onGap(`${command} was started again`);
  };
  const retry = (reason: string) => {
    if (closed) return;
    options.onGap(reason);
    timer = setTimeout(() => begin(true), pause);
    pause = Math.min(pause * 2, RETRY_MAX_MS);
  };
  begin(false);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      program?.kill();
    },
  };
}
