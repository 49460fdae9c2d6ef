import { CausewayError, messageOf } from '@causeway/shared/errors';
import {
  type ExecEnd,
  type ExecStart,
  type FromCommand,
  HEARTBEAT_MS,
  readFrame,
  readToCommand,
  SendWindow,
  type ToCommand,
  WINDOW,
} from '@causeway/shared/exec-frames';
import type { WebSocket } from 'ws';
import type { Session } from '../containers/exec-session.ts';
import { sendOutput } from './output.ts';

/** Until the first message has come, milliseconds. */
const START_MS = 10_000;
/** As a shell does: 127 there is no such program, 126 it cannot be run. */
const NO_PROGRAM = 127;
const NOT_RUN = 126;
const FAILED = 1;

/**
 * Runs one command for whoever is at the other end, until it has ended, or the other end has gone: then it is killed with
 * all that came of it. Never rejects.
 *
 * @param begin starts the command, unless nobody wants it any more before it runs
 * @param signal the agent stops
 */
export async function converse(
  socket: WebSocket,
  begin: (start: ExecStart, unwanted: AbortSignal) => Promise<Session>,
  signal: AbortSignal,
): Promise<void> {
  const window = new SendWindow();
  const tell = (message: FromCommand) => socket.send(JSON.stringify(message), () => undefined);
  const gone = lossOf(socket, signal);
  const unwanted = new AbortController();
  void gone.then((reason) => unwanted.abort(reason));
  let session: Session | undefined;
  try {
    const { start, hear } = listenTo(socket, window, tell);
    const request = await Promise.race([start, gone.then(() => undefined)]);
    if (request === undefined) return;
    session = await begin(request, unwanted.signal);
    hear(session);
    tell({ type: 'started' });
    const { end } = session;
    void gone.then(end);
    await sendOutput(socket, session, window);
    tell({ type: 'ended', ...(await session.exited) });
  } catch (error) {
    tell(failure(error));
  } finally {
    session?.stdin.destroy();
    socket.close();
  }
}

/** PURE. How a command that could not be run at all has ended. */
export function failure(error: unknown): ExecEnd {
  const reason = messageOf(error);
  if (!(error instanceof CausewayError)) return { type: 'ended', exitCode: FAILED, reason, code: 'internal' };
  const { code, field } = error;
  const isProgram = field === 'command';
  const exitCode = isProgram ? (code === 'invalid' ? NO_PROGRAM : NOT_RUN) : FAILED;
  // With a code, the exit code is the caller's to choose.
  return { type: 'ended', exitCode, reason, ...(isProgram ? {} : { code }) };
}

/** @returns a promise of the sentence that says how the other end was lost, or that this one is */
function lossOf(socket: WebSocket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    let heardAt = performance.now();
    const heard = () => {
      heardAt = performance.now();
    };
    for (const event of ['message', 'ping', 'pong'] as const) socket.on(event, heard);
    const heartbeat = setInterval(() => {
      if (performance.now() - heardAt > 3 * HEARTBEAT_MS) socket.terminate();
      else socket.ping();
    }, HEARTBEAT_MS);
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      clearInterval(heartbeat);
      resolve('whoever ran the command has gone');
    });
    const stop = () => resolve('the agent of its host stops');
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** Takes all messages from the first on: what comes before the command runs waits for it. */
function listenTo(socket: WebSocket, window: SendWindow, tell: (message: FromCommand) => void) {
  let session: Session | undefined;
  let early: (() => void)[] = [];
  let untaken = 0;
  const inTurn = (act: () => void) => {
    if (session === undefined) early.push(act);
    else act();
  };
  const input = (bytes: Uint8Array) => {
    untaken += bytes.length;
    // Somebody who heeds no window would fill this host's memory.
    if (untaken > 2 * WINDOW) return socket.terminate();
    inTurn(() => {
      const taken = () => {
        untaken -= bytes.length;
        tell({ type: 'taken', bytes: bytes.length });
      };
      const stdin = session?.stdin;
      // What nobody reads is used up.
      if (stdin?.writable !== true) taken();
      else stdin.write(bytes, taken);
    });
  };
  const start = new Promise<ExecStart>((resolve, reject) => {
    const late = setTimeout(() => reject(new CausewayError('timeout', 'no command was named')), START_MS);
    socket.once('close', () => clearTimeout(late));
    const obey = (message: ToCommand | undefined) => {
      if (message?.type === 'start') {
        clearTimeout(late);
        resolve(message);
      } else if (message?.type === 'taken') window.taken(message.bytes);
      else if (message?.type === 'end') inTurn(() => session?.endInput());
      else if (message?.type === 'signal') inTurn(() => session?.signal(message.signal));
      else if (message?.type === 'resize') inTurn(() => void session?.resize(message));
      else
        reject(
          new CausewayError('invalid', 'what to run was not understood: svcctl may be of another version'),
        );
    };
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return obey(readToCommand(data.toString()));
      const frame = readFrame(data);
      if (frame?.stream === 'stdin') input(frame.bytes);
    });
  });
  const hear = (begun: Session) => {
    session = begun;
    for (const act of early) act();
    early = [];
  };
  return { start, hear };
}
