import type { Writable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import {
  EXEC_PROTOCOL,
  type ExecEnd,
  type ExecSignal,
  type ExecStart,
  frameOf,
  HEARTBEAT_MS,
  LONGEST_FRAME,
  readFrame,
  readFromCommand,
  SendWindow,
  type ToCommand,
} from '@causeway/shared/exec-frames';
import type { WebSocket } from 'ws';
import type { Terminal } from '../terminal.ts';
import type { Client } from './client.ts';

/** Of whom Ctrl-C has ended twice, as a shell tells it: 128 + SIGINT. */
const INTERRUPTED = 130;

/**
 * Runs a command in a container and connects it with the terminal, until it has ended.
 *
 * @returns how it has ended
 * @throws CausewayError why it could not be run; `unreachable` when the connection was lost: the command is killed then
 */
export async function execute(
  client: Client,
  name: string,
  start: Omit<ExecStart, 'type'>,
  terminal: Terminal,
): Promise<ExecEnd> {
  const socket = await client.webSocket(`/v1/containers/${name}/exec`, EXEC_PROTOCOL);
  const tell = (message: ToCommand) => socket.send(JSON.stringify(message), () => undefined);
  const window = new SendWindow();
  const ended = endOf(socket, name, terminal, window, tell);
  tell({ type: 'start', ...start });
  let signals = 0;
  terminal.onSignal((signal: ExecSignal) => {
    signals += 1;
    tell({ type: 'signal', signal });
    // One that does not heed it is killed with the next.
    if (signals > 1) socket.terminate();
  });
  if (start.tty !== undefined) {
    terminal.onResize(() => {
      const size = terminal.size();
      if (size !== undefined) tell({ type: 'resize', ...size });
    });
  }
  try {
    if (start.stdin) void sendInput(socket, terminal, window, tell);
    return await ended;
  } catch (error) {
    if (signals > 1) return { type: 'ended', exitCode: INTERRUPTED };
    throw error;
  } finally {
    socket.terminate();
  }
}

/** Takes what comes, until the last message. */
function endOf(
  socket: WebSocket,
  name: string,
  { stdout, stderr }: Terminal,
  window: SendWindow,
  tell: (message: ToCommand) => void,
): Promise<ExecEnd> {
  return new Promise((resolve, reject) => {
    let end: ExecEnd | undefined;
    let unwritten = 0;
    const settle = () => {
      if (end !== undefined && unwritten === 0) resolve(end);
    };
    const print = (to: Writable, bytes: Uint8Array) => {
      unwritten += 1;
      to.write(bytes, () => {
        unwritten -= 1;
        tell({ type: 'taken', bytes: bytes.length });
        settle();
      });
    };
    const quiet = setTimeout(() => socket.terminate(), 3 * HEARTBEAT_MS);
    for (const event of ['ping', 'message'] as const) socket.on(event, () => quiet.refresh());
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        const frame = readFrame(data);
        if (frame !== undefined && frame.stream !== 'stdin')
          print(frame.stream === 'stdout' ? stdout : stderr, frame.bytes);
        return;
      }
      const message = readFromCommand(data.toString());
      if (message?.type === 'taken') window.taken(message.bytes);
      if (message?.type !== 'ended') return;
      end = message;
      settle();
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => {
      clearTimeout(quiet);
      const told = `running a command in container ${name}: the connection to its host was lost`;
      if (end === undefined) reject(new CausewayError('unreachable', `${told}, and the command is ended`));
    });
  });
}

/** Sends what is read as fast as the command takes it. */
async function sendInput(
  socket: WebSocket,
  { stdin }: Terminal,
  window: SendWindow,
  tell: (message: ToCommand) => void,
): Promise<void> {
  try {
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk);
      for (let at = 0; at < bytes.length; at += LONGEST_FRAME) {
        const part = bytes.subarray(at, at + LONGEST_FRAME);
        await window.open();
        window.sent(part.length);
        socket.send(frameOf('stdin', part), () => undefined);
      }
    }
  } catch {
    // What cannot be read any more has come to its end.
  }
  tell({ type: 'end' });
}
