import type { Readable } from 'node:stream';
import { frameOf, LONGEST_FRAME, type SendWindow, type StreamName } from '@causeway/shared/exec-frames';
import type { WebSocket } from 'ws';
import type { Session } from '../containers/exec-session.ts';

/**
 * Sends what the command prints as fast as the other end takes it; a command whose reader is slow waits.
 *
 * @returns when it has ended and all that it has printed was sent, or nobody is there any more to send it to
 */
export async function sendOutput(
  socket: WebSocket,
  { stdout, stderr, exited }: Session,
  window: SendWindow,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const send = async (name: StreamName, bytes: Uint8Array) => {
    await window.open();
    window.sent(bytes.length);
    await new Promise<void>((resolve) => socket.send(frameOf(name, bytes), () => resolve()));
  };
  const pump = async (name: StreamName, stream: Readable) => {
    for await (const chunk of stream)
      for (let at = 0; at < chunk.length; at += LONGEST_FRAME)
        await send(name, chunk.subarray(at, at + LONGEST_FRAME));
  };
  const all = Promise.all([pump('stdout', stdout), pump('stderr', stderr)]).catch(() => undefined);
  await Promise.race([all, closed]);
  for (const stream of [stdout, stderr]) stream.destroy();
  await exited;
}
