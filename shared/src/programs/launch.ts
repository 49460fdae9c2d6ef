import { Readable } from 'node:stream';
import { CausewayError } from '../errors.ts';
import { spawn } from './spawn.ts';

/** A program that goes into the background by itself, and says there how its start went. */
export interface LaunchOptions {
  /** What it is run for, the start of an error's text. */
  readonly doing: string;
  /** Name of the variable that tells it the number of the descriptor on which it says a line. */
  readonly reportTo: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For the line, milliseconds. */
  readonly timeoutMs: number;
}

/** Of the descriptor, in the program that is launched. */
const REPORT_FD = 3;

/**
 * Starts a program that outlives this one.
 *
 * @returns the first line that it says on its descriptor; nothing is listened to after that
 * @throws CausewayError `not-found`, `command-failed` when it ends without a word, `timeout`
 */
export async function launch(
  command: string,
  args: readonly string[],
  { doing, reportTo, env, timeoutMs }: LaunchOptions,
): Promise<string> {
  const told = `${doing}: \`${[command, ...args].join(' ')}\``;
  const child = spawn(command, args, {
    ...{ buffer: false, cleanup: false, detached: true },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { [reportTo]: String(REPORT_FD), ...env },
  });
  const report = child.stdio[REPORT_FD];
  if (child.pid === undefined || !(report instanceof Readable))
    throw new CausewayError('not-found', `${told}: no such program, or it cannot be run`);
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += String(chunk);
  });
  try {
    return await firstLine(report, timeoutMs, told);
  } catch (cause) {
    if (cause instanceof CausewayError) throw cause;
    throw new CausewayError('command-failed', `${told}: ${complaint.trim() || 'it ended without a word'}`);
  } finally {
    report.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

/** @throws Error when it ends before */
function firstLine(stream: Readable, timeoutMs: number, told: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = () => reject(new CausewayError('timeout', `${told}: no word within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    stream.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('\n')) settle(() => resolve(text.slice(0, text.indexOf('\n'))));
    });
    stream.on('end', () => settle(() => reject(new Error('no line'))));
    stream.on('error', (error) => settle(() => reject(error)));
  });
}
