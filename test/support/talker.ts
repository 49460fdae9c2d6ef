import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { callsTo } from './program-calls.ts';
import { type Answers, TALKER } from './talk.ts';

/**
 * One program at one place of a network that does all the asking there: a program for each question takes ten times as
 * long to start as its answer takes to come.
 */
export interface Talker {
  /** Asks `n` times, each time on a new socket. @param target `tcp ADDRESS PORT`, or udp */
  ask(target: string, n: number, patienceMs: number): Promise<Answers>;
  /** Opens a connection by TCP, or a socket of UDP, and keeps it. */
  keep(target: string): Kept;
  close(): void;
}

/** A connection, or a socket of UDP, that is kept. */
export interface Kept {
  /** Asks once more on it, and returns what is answered: by a server, an error's code, `closed` or `silence`. */
  ask(patienceMs: number): Promise<string>;
  close(): Promise<void>;
  /** Ends a connection without a word that has to be answered. */
  reset(): Promise<void>;
}

/** The program and its argument, to be started at its place. */
export const TALKER_COMMAND = [process.execPath, '-e', TALKER] as const;

/**
 * For a shell on each host: every refusal is told. A kernel by itself tells one place so once a second, after a few, and
 * who asks as fast as this hears nothing of the others.
 */
export const ALL_REFUSALS =
  'for each in ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do echo 0 >/proc/sys/net/$each; done';

/** @param child what was started by `TALKER_COMMAND`; what is asked of it once it has ended fails */
export function talkerOf(child: ChildProcessWithoutNullStreams): Talker {
  const call = callsTo(child, 'who asks');
  /** Who asks may end before it says so, and everything that it keeps with it. */
  const giveUp = (key: number, how: string) =>
    call<void>({ call: 'giveUp', key, how }).catch(() => undefined);
  let keys = 0;
  return {
    ask: (target, n, patienceMs) => call({ call: 'ask', ...placeOf(target), n, patienceMs }),
    keep: (target) => {
      keys += 1;
      const key = keys;
      const opening = call<void>({ call: 'keep', key, ...placeOf(target) });
      // Whoever asks on it is told.
      opening.catch(() => undefined);
      return {
        ask: (patienceMs) => call({ call: 'askOn', key, patienceMs }),
        close: () => giveUp(key, 'close'),
        reset: () => giveUp(key, 'reset'),
      };
    },
    close: () => {
      child.kill();
    },
  };
}

function placeOf(target: string): {
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
} {
  const [protocol = '', host = '', port = ''] = target.split(' ');
  return { protocol, host, port: Number(port) };
}
