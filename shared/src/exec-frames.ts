import { ERROR_CODES, type ErrorCode } from './errors.ts';

/**
 * What svcctl and a host's agent say to each other while a command runs in a container: messages of a WebSocket, which
 * the controller passes on unread. Bytes are binary messages whose first byte is the stream; all else is JSON text.
 *
 * Neither side ever stops reading, or it would not hear that the other has gone: instead each stream's sender has at most
 * `WINDOW` bytes on the way that the other has not used up (`taken`).
 */
export const EXEC_PROTOCOL = 'causeway.exec.v1';

/** Bytes on the way, per direction. */
export const WINDOW = 1024 * 1024;
/** Longest message of bytes. */
export const LONGEST_FRAME = 64 * 1024;
/** The agent asks for a sign of life this often, milliseconds; who is not heard of for three times as long has gone. */
export const HEARTBEAT_MS = 15_000;

export const STREAMS = ['stdin', 'stdout', 'stderr'] as const;
export type StreamName = (typeof STREAMS)[number];

/** Columns and rows of a terminal. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What to run; the first message. */
export interface ExecStart {
  readonly type: 'start';
  /** Program and arguments; not empty. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  readonly tty?: TerminalSize;
  /** Whether standard input is sent; without it the command reads nothing. */
  readonly stdin: boolean;
}

/** From svcctl. */
export type ToCommand =
  | ExecStart
  | ({ readonly type: 'resize' } & TerminalSize)
  /** Standard input has come to its end. */
  | { readonly type: 'end' }
  | { readonly type: 'signal'; readonly signal: ExecSignal }
  | Taken;

/** From the agent. */
export type FromCommand =
  /** The command runs. */
  { readonly type: 'started' } | ExecEnd | Taken;

/** The last message. */
export interface ExecEnd {
  readonly type: 'ended';
  readonly exitCode: number;
  /** One sentence, when it did not end by itself, or could not be run at all. */
  readonly reason?: string;
  /** Of the error because of which it could not be run. */
  readonly code?: ErrorCode;
}

export interface Taken {
  readonly type: 'taken';
  /** Bytes of the other's that were used up since the last such message. */
  readonly bytes: number;
}

/** What a terminal sends by keys. */
export const EXEC_SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const;
export type ExecSignal = (typeof EXEC_SIGNALS)[number];

export function frameOf(stream: StreamName, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 1);
  frame[0] = STREAMS.indexOf(stream);
  frame.set(bytes, 1);
  return frame;
}

/** @returns undefined for what is no frame */
export function readFrame(frame: Uint8Array): { stream: StreamName; bytes: Uint8Array } | undefined {
  const stream = STREAMS[frame[0] ?? STREAMS.length];
  return stream === undefined ? undefined : { stream, bytes: frame.subarray(1) };
}

/** @returns undefined for what is none, of this version */
export function readToCommand(text: string): ToCommand | undefined {
  const message = parsed(text);
  switch (message?.type) {
    case 'start':
      return startOf(message);
    case 'end':
      return { type: 'end' };
    case 'taken':
      return takenOf(message.bytes);
    case 'resize': {
      const size = sizeOf(message);
      return size && { type: 'resize', ...size };
    }
    case 'signal': {
      const signal = EXEC_SIGNALS.find((one) => one === message.signal);
      return signal === undefined ? undefined : { type: 'signal', signal };
    }
    default:
      return undefined;
  }
}

/** @returns undefined for what is none, of this version */
export function readFromCommand(text: string): FromCommand | undefined {
  const message = parsed(text);
  switch (message?.type) {
    case 'started':
      return { type: 'started' };
    case 'taken':
      return takenOf(message.bytes);
    case 'ended': {
      const { exitCode, reason } = message;
      if (typeof exitCode !== 'number') return undefined;
      const code = ERROR_CODES.find((one) => one === message.code);
      return {
        ...{ type: 'ended', exitCode },
        ...(typeof reason === 'string' ? { reason } : {}),
        ...(code === undefined ? {} : { code }),
      };
    }
    default:
      return undefined;
  }
}

function startOf(message: Readonly<Record<string, unknown>>): ExecStart | undefined {
  const { command, env = {}, user, workdir, tty, stdin } = message;
  if (!Array.isArray(command) || command.length === 0 || !command.every(isText)) return undefined;
  if (typeof env !== 'object' || env === null) return undefined;
  const isEnv = (pair: [string, unknown]): pair is [string, string] =>
    isText(pair[1]) && isText(pair[0]) && pair[0] !== '' && !pair[0].includes('=');
  const pairs = Object.entries(env);
  if (!pairs.every(isEnv)) return undefined;
  const size = sizeOf(tty);
  if (tty !== undefined && size === undefined) return undefined;
  return {
    ...{ type: 'start', command, stdin: stdin === true, env: Object.fromEntries(pairs) },
    ...(isText(user) && user !== '' ? { user } : {}),
    ...(isText(workdir) && workdir !== '' ? { workdir } : {}),
    ...(size === undefined ? {} : { tty: size }),
  };
}

/** What a program can be given: all but what ends a word there. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function sizeOf(value: unknown): TerminalSize | undefined {
  const { columns, rows } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<TerminalSize>;
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
}

function takenOf(bytes: unknown): Taken | undefined {
  return Number.isSafeInteger(bytes) && Number(bytes) >= 0
    ? { type: 'taken', bytes: Number(bytes) }
    : undefined;
}

/** Of a terminal: what fits into the kernel's 16 bits. */
function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** How many bytes may still be sent: `WINDOW` less what the other has not used up. */
export class SendWindow {
  #left = WINDOW;
  #waiting: (() => void)[] = [];

  /** Resolves once some bytes may be sent. */
  async open(): Promise<void> {
    while (this.#left <= 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  sent(bytes: number): void {
    this.#left -= bytes;
  }

  taken(bytes: number): void {
    this.#left = Math.min(WINDOW, this.#left + bytes);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
