import { type Started, start } from '@causeway/shared/programs/start';
import { readComplaints } from './ip-complaints.ts';

/**
 * An `ip -batch` that stays: to start a program costs more than to change a route. It knows links by the numbers that
 * they had when it first heard of them, so it is renewed when a link comes or goes, and used for routes only.
 */
export interface IpSession {
  /**
   * @returns what `ip` complains of by line, from 0; undefined when it gave no answer, so that nobody knows what was
   * done and all must be said again to another
   */
  tell(lines: readonly string[]): Promise<ReadonlyMap<number, string> | undefined>;
  /** Begins anew, soon: not in the way of what is under way. */
  renew(): void;
  close(): void;
}

/** The kernel answers in microseconds; who waits longer has lost the program, milliseconds. */
const PATIENCE_MS = 2_000;
/** A link that comes or goes is followed by work that comes first, milliseconds. */
const RENEWAL_MS = 100;
/** No command of `ip`: its complaint about it, with the line's number, tells that all lines before are done. */
const MARK = 'said';

export function openIpSession(): IpSession {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let program: Program | undefined;
  let telling = 0;
  /** To be renewed, as soon as what is being said is answered. */
  let isStale = false;

  const begin = () => {
    if (closed || program !== undefined) return;
    try {
      const mine = startProgram(() => {
        if (program === mine) program = undefined;
      });
      program = mine;
    } catch {
      // Whoever has something to say says it to a program of his own, and hears what is wrong.
    }
  };
  const end = () => {
    clearTimeout(timer);
    program?.end();
    program = undefined;
  };
  const renew = () => {
    end();
    timer = setTimeout(begin, RENEWAL_MS);
    timer.unref();
  };
  return {
    tell: async (lines) => {
      begin();
      telling += 1;
      const complaints = await program?.tell(lines);
      telling -= 1;
      if (complaints === undefined) end();
      else if (isStale && telling === 0) renew();
      isStale = isStale && telling > 0;
      return complaints;
    },
    renew: () => {
      if (telling > 0) isStale = true;
      else renew();
    },
    close: () => {
      closed = true;
      end();
    },
  };
}

interface Program {
  tell(lines: readonly string[]): Promise<ReadonlyMap<number, string> | undefined>;
  end(): void;
}

function startProgram(onEnd: () => void): Program {
  let written = 0;
  let heard: string[] = [];
  let giveUp: (() => void) | undefined;
  let onMark: ((line: string) => void) | undefined;
  const started: Started = start('ip', ['-N', '-force', '-batch', '-'], {
    writable: true,
    dieWithParent: true,
    onLine: (line, stream) => {
      if (stream === 'stdout') return;
      heard.push(line);
      onMark?.(line);
    },
  });
  void started.exited.then(() => {
    onEnd();
    giveUp?.();
  });
  return {
    tell: (lines) =>
      new Promise((resolve) => {
        const before = written;
        written += lines.length + 1;
        heard = [];
        const patience = setTimeout(() => resolve(undefined), PATIENCE_MS);
        const answer = (complaints: ReadonlyMap<number, string> | undefined) => {
          clearTimeout(patience);
          onMark = undefined;
          resolve(complaints);
        };
        giveUp = () => answer(undefined);
        onMark = (line) => {
          if (!line.endsWith(`:${written}`) || !line.startsWith('Command failed')) return;
          const { byLine } = readComplaints(heard.join('\n'));
          const ours = [...byLine].filter(([number]) => number < written);
          answer(new Map(ours.map(([number, text]) => [number - before - 1, text])));
        };
        started.write(`${[...lines, MARK].join('\n')}\n`);
      }),
    end: () => void started.kill(),
  };
}
