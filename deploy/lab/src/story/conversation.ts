import { CausewayError } from '@causeway/shared/errors';
import type { Lab } from '../lab.ts';

/** One TCP connection to an echo server that stays open, to see whether it survives. */
export interface Conversation {
  /** The command as anyone could type it. */
  readonly typed: string;
  /** Sends one line and returns what comes back. Rejects with `timeout` after 5 s of silence. */
  say(line: string): Promise<string>;
  close(): void;
}

const SILENCE_MS = 5_000;

/** Opens a connection from `host`, inside whatever `prefix` enters (a container's namespace). */
export async function converse(
  lab: Lab,
  host: string,
  prefix: readonly string[],
  address: string,
  port: number,
): Promise<Conversation> {
  const argv = [...prefix, 'busybox', 'nc', address, String(port)];
  const child = lab.spawn(host, argv);
  let pending = '';
  let arrived: () => void = () => undefined;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    pending += chunk;
    arrived();
  });
  child.stdin.on('error', () => undefined);
  const typed = `npm run lab -- exec ${host} -- ${argv.join(' ')}`;

  const nextLine = async (): Promise<string> => {
    const deadline = performance.now() + SILENCE_MS;
    while (!pending.includes('\n')) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new CausewayError('timeout', `waiting for an echo: \`${typed}\`: ${SILENCE_MS} ms of silence`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const end = pending.indexOf('\n');
    const line = pending.slice(0, end);
    pending = pending.slice(end + 1);
    return line;
  };
  return {
    typed,
    say: (line) => {
      child.stdin.write(`${line}\n`);
      return nextLine();
    },
    close: () => {
      child.kill();
    },
  };
}
