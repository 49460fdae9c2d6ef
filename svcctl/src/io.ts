import { processTerminal, type Terminal } from './terminal.ts';

/** Everything that a command may touch besides the controller; tests hand in their own. */
export interface Io {
  /** Data only. */
  out(text: string): void;
  /** Everything that is not data. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True when stdout is a terminal that may be coloured (NO_COLOR and TERM=dumb are heeded). */
  readonly colour: boolean;
  readonly uid: number;
  /** All of stdin as text. */
  stdin(): Promise<string>;
  /** Standard streams as bytes, and the terminal that they may be. */
  terminal(): Terminal;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

export function processIo(): Io {
  const { env } = process;
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env,
    colour: process.stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    uid: process.getuid?.() ?? 0,
    stdin: readStdin,
    terminal: processTerminal,
    now: () => performance.now(),
  };
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
