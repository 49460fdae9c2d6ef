import type { Readable, Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import type { ExecSignal, TerminalSize } from '@causeway/shared/exec-frames';

/** The standard streams as bytes, and the terminal that they may be. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether what is typed comes from a terminal. */
  readonly isTerminal: boolean;
  /** Of the terminal that stdout is; undefined when it is none, or does not know its size. */
  size(): TerminalSize | undefined;
  onResize(listener: () => void): void;
  /** Every key goes to the program, Ctrl-C too, until `close`. */
  raw(): void;
  /** Signals that would end this process go to the listener, until `close`. */
  onSignal(listener: (signal: ExecSignal) => void): void;
  /** Puts everything back; nothing is read any more. */
  close(): void;
}

const SIGNALS: readonly ExecSignal[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'];

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  const undo: (() => void)[] = [];
  return {
    ...{ stdin, stdout, stderr, isTerminal: stdin.isTTY === true },
    size: () => sizeOf(stdout),
    onResize: (listener) => {
      stdout.on('resize', listener);
      undo.push(() => stdout.off('resize', listener));
    },
    raw: () => {
      const restore = () => void stdin.setRawMode(false);
      stdin.setRawMode(true);
      // However this process ends, the shell that comes after it must have its terminal back.
      process.once('exit', restore);
      undo.push(restore, () => process.off('exit', restore));
    },
    onSignal: (listener) => {
      for (const signal of SIGNALS) {
        process.on(signal, listener);
        undo.push(() => process.off(signal, listener));
      }
    },
    close: () => {
      for (const one of undo.splice(0)) one();
      stdin.destroy();
    },
  };
}

/** A serial line, or a terminal that a program plays, has no columns and no rows until somebody sets them. */
export function sizeOf({
  isTTY,
  columns,
  rows,
}: Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>): TerminalSize | undefined {
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : undefined;
}
