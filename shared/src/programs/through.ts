import { pipeline } from 'node:stream/promises';
import { failure, type Purpose } from './failure.ts';
import { spawn } from './spawn.ts';

export interface ThroughOptions extends Purpose {
  readonly cwd?: string;
}

/**
 * A command as a part of a pipeline: reads `source`, yields what it prints. It has no time limit, and is killed when
 * nobody reads on.
 *
 * @throws what `source` throws; CausewayError as `run`
 */
export async function* through(
  source: AsyncIterable<Uint8Array>,
  command: string,
  args: readonly string[],
  options: ThroughOptions = {},
): AsyncGenerator<Buffer> {
  const child = spawn(command, args, {
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    stdin: 'pipe',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let broken: unknown;
  const fed = pipeline(source, child.stdin).catch((error: NodeJS.ErrnoException) => {
    // A command that reads no further says by its exit code whether it had enough.
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    broken = error;
    child.kill('SIGKILL');
  });
  try {
    for await (const chunk of child.stdout) yield Buffer.from(chunk);
    await fed;
    if (broken !== undefined) throw broken;
    const result = await child;
    if (result.exitCode !== 0)
      throw failure(command, args, options, { ...result, stderr: textOf(result.stderr) });
  } finally {
    child.kill('SIGKILL');
    await child;
  }
}

function textOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString().trim() : '';
}
