import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { run } from '@causeway/shared/run';

/** A pipe of the kernel: this process's end, and the other, for a program. */
export interface PipeEnd {
  readonly ours: Socket;
  /** A file descriptor; to be closed once the program has it. */
  readonly theirs: number;
}

export interface Pipes {
  readonly stdin?: PipeEnd;
  readonly stdout: PipeEnd;
  readonly stderr: PipeEnd;
  /** Closes the program's ends here: without that, no reader would ever see an end. */
  handedOver(): void;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

/**
 * Real pipes for a program's standard streams. What Node makes are sockets, and who opens /dev/stdout, as scripts do, is
 * refused by one.
 *
 * @param path a path that is free, of which the names of the pipes are made; nothing of it stays
 */
export async function openPipes(path: string, withStdin: boolean): Promise<Pipes> {
  const names = ['in', 'out', 'err'].map((stream) => `${path}.${stream}`);
  const [into = '', out = '', err = ''] = names;
  await run('mkfifo', ['-m', '600', ...names], { doing: 'making pipes for a command' });
  try {
    const stdin = withStdin ? writingEnd(into) : undefined;
    const [stdout, stderr] = [readingEnd(out), readingEnd(err)];
    const all = [stdin, stdout, stderr];
    return {
      ...(stdin === undefined ? {} : { stdin }),
      ...{ stdout, stderr },
      handedOver: () => {
        for (const end of all) if (end !== undefined) closeSync(end.theirs);
      },
    };
  } finally {
    for (const name of names) await rm(name, { force: true });
  }
}

/** Each end is opened when the other is there, or it would wait; the program's own ends wait when it uses them. */
function readingEnd(name: string): PipeEnd {
  const fd = openSync(name, O_RDONLY | O_NONBLOCK);
  const theirs = openSync(name, O_WRONLY);
  return { theirs, ours: new Socket({ fd, readable: true, writable: false }) };
}

function writingEnd(name: string): PipeEnd {
  const both = openSync(name, O_RDWR | O_NONBLOCK);
  const theirs = openSync(name, O_RDONLY);
  const fd = openSync(name, O_WRONLY | O_NONBLOCK);
  closeSync(both);
  return { theirs, ours: new Socket({ fd, readable: false, writable: true }) };
}
