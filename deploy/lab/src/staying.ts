import { liveLab } from './state.ts';

/** How often it is looked whether a lab is still there, milliseconds. */
const LOOK_MS = 1_000;
/** npm passes on the signal of a Ctrl-C that the terminal has delivered already: within this time both are one. */
const ECHO_MS = 1_000;
const EXIT_INTERRUPTED = 130;

/** Resolves when somebody ends this process; who insists ends it at once. */
export function interruption(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const end = () => {
      first ??= Date.now();
      if (Date.now() - first > ECHO_MS) process.exit(EXIT_INTERRUPTED);
      resolve('interrupted');
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  });
}

/** Until somebody ends this process, or takes the lab down from elsewhere. */
export async function staying(name: string, interrupted: Promise<unknown>): Promise<void> {
  let look: NodeJS.Timeout | undefined;
  const gone = new Promise<void>((resolve) => {
    look = setInterval(() => {
      if (liveLab(name) !== undefined) return;
      console.error(`\nthe lab ${name} was taken down from elsewhere`);
      resolve();
    }, LOOK_MS);
  });
  await Promise.race([interrupted, gone]);
  clearInterval(look);
}
