import type { Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as nextRound } from 'node:timers/promises';
import { frameOf, LONGEST_FRAME, type SendWindow, type StreamName } from '@causeway/shared/exec-frames';
import type { WebSocket } from 'ws';
import type { Session } from '../containers/exec-session.ts';

/** After the command's end, what it has left running may go on holding the streams: so long nothing must have come. */
const QUIET_MS = 100;

/**
 * Sends what the command prints as fast as the other end takes it; a command whose reader is slow waits.
 *
 * @returns when all that it has printed was sent, or nobody is there any more to send it to
 */
export async function sendOutput(
  socket: WebSocket,
  { stdout, stderr, exited }: Session,
  window: SendWindow,
): Promise<void> {
  const streams = [stdout, stderr];
  const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')));
  let busy = 0;
  let lastAt = performance.now();
  const send = async (name: StreamName, bytes: Uint8Array) => {
    busy += 1;
    await window.open();
    window.sent(bytes.length);
    await new Promise<void>((resolve) => socket.send(frameOf(name, bytes), () => resolve()));
    busy -= 1;
    lastAt = performance.now();
  };
  const pump = async (name: StreamName, stream: Readable) => {
    for await (const chunk of stream)
      for (let at = 0; at < chunk.length; at += LONGEST_FRAME)
        await send(name, chunk.subarray(at, at + LONGEST_FRAME));
  };
  const pumps = [pump('stdout', stdout), pump('stderr', stderr)];
  const all = Promise.all(pumps).catch(() => undefined);
  const isQuiet = () => busy === 0 && performance.now() - lastAt >= QUIET_MS;
  const quiet = async () => {
    await exited;
    lastAt = performance.now();
    while (!isQuiet() || !(await isStillQuiet())) await delay(QUIET_MS);
  };
  const isStillQuiet = async () => {
    // A timer may come before what the kernel has had for long.
    for (let round = 0; round < 2; round++) await nextRound();
    return isQuiet();
  };
  await Promise.race([all, quiet(), closed]);
  for (const stream of streams) stream.destroy();
  await exited;
}
