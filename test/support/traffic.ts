import { createInterface } from 'node:readline';
import type { Lab } from '@causeway/lab/lab';

/** Something that is connected to over and over. Several may share a label. */
export interface Target {
  readonly label: string;
  readonly address: string;
  readonly port: number;
}

export interface Attempt {
  readonly label: string;
  /** When it began, milliseconds since 1970. */
  readonly at: number;
  /** What the page `/hello` says, or what went wrong: `ECONNREFUSED`, `silence`, `cut off`. */
  readonly answer: string;
  readonly ms: number;
}

/** A stream of new connections, each of which is told. */
export interface Traffic {
  /** All attempts so far. */
  readonly attempts: readonly Attempt[];
  /** Waits for `count` more attempts with every label, begun after this call. */
  more(count: number): Promise<void>;
  /** Attempts that no web server answered. */
  failed(): readonly Attempt[];
  stop(): void;
}

/**
 * Connects to every target again and again, one connection at a time.
 *
 * @param netns from inside this namespace of the machine: `cwy-web-1`
 */
export function startTraffic(lab: Lab, member: string, targets: readonly Target[], netns?: string): Traffic {
  const enter = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const child = lab.spawn(member, [...enter, process.execPath, '-e', PROGRAM, JSON.stringify(targets)]);
  const attempts: Attempt[] = [];
  const waiting = new Set<(attempt?: Attempt) => void>();
  let complaint = '';
  let ended = false;
  const wakeAll = (attempt?: Attempt) => {
    for (const wake of waiting) wake(attempt);
  };
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.on('exit', () => {
    ended = true;
    wakeAll();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const attempt = JSON.parse(line) as Attempt;
    attempts.push(attempt);
    wakeAll(attempt);
  });
  return {
    attempts,
    more: (count) => {
      // What is told from here on may have begun before: by the clock alone that is known.
      const since = Date.now();
      const left = new Map(targets.map(({ label }) => [label, count]));
      return new Promise((resolve, reject) => {
        const wake = (attempt?: Attempt) => {
          if (attempt !== undefined && attempt.at >= since)
            left.set(attempt.label, (left.get(attempt.label) ?? 0) - 1);
          const reached = [...left.values()].every((n) => n <= 0);
          if (!reached && !ended) return;
          waiting.delete(wake);
          if (reached) resolve();
          else reject(new Error(`the traffic from ${member} has ended: ${complaint}`));
        };
        waiting.add(wake);
        wake();
      });
    },
    failed: () => attempts.filter(({ answer }) => !answer.startsWith('hello from ')),
    stop: () => {
      child.kill();
    },
  };
}

/** For the machine's node. Patience outlasts two lost packets, which are sent again after 1 s and 3 s. */
const PROGRAM = `
const net = require('net');
const attempt = ({ address, port }) => new Promise((resolve) => {
  let said = '';
  const socket = net.connect({ host: address, port });
  const end = (answer) => { resolve(answer); socket.destroy(); };
  socket.setTimeout(5000, () => end('silence'));
  socket.on('error', (error) => end(error.code));
  socket.on('connect', () => socket.write('GET /hello HTTP/1.0\\r\\n\\r\\n'));
  socket.on('data', (data) => { said += data; });
  socket.on('end', () => {
    const at = said.indexOf('\\r\\n\\r\\n');
    end((at < 0 ? '' : said.slice(at + 4).trim()) || 'cut off');
  });
});
const forever = async (target) => {
  for (;;) {
    const at = Date.now();
    const answer = await attempt(target);
    console.log(JSON.stringify({ label: target.label, at, answer, ms: Date.now() - at }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
for (const target of JSON.parse(process.argv[1])) forever(target);
`;
