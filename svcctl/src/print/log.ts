/** A part of what a container has printed. */
export interface LogPart {
  readonly stream: 'stdout' | 'stderr';
  readonly time: string;
  readonly text: Buffer;
  /** The program's line ends here. */
  readonly isEnd: boolean;
}

const NEWLINE = 0x0a;
const ENTRY = /^(\S{1,40}) (stdout|stderr) ([FP])(?: |$)/;
/** Enough of an entry for all that comes before its text. */
const HEAD_BYTES = 64;

/** @returns takes pieces of an answer as they come, and hands out the entries that are whole by then */
export function logParser(): (piece: Buffer) => readonly LogPart[] {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const bytes = Buffer.concat([rest, piece]);
    const parts: LogPart[] = [];
    let at = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
      // An empty line says that the connection stands.
      if (end > at) parts.push(parse(bytes.subarray(at, end)));
      at = end + 1;
    }
    rest = bytes.subarray(at);
    return parts;
  };
}

function parse(line: Buffer): LogPart {
  const found = ENTRY.exec(line.toString('latin1', 0, HEAD_BYTES));
  // As agents wrote it before there were times in it.
  if (found === null) return { stream: 'stdout', time: '', text: line, isEnd: true };
  const [head, time = '', stream, flag] = found;
  return {
    ...{ stream: stream === 'stderr' ? 'stderr' : 'stdout', time, isEnd: flag === 'F' },
    text: line.subarray(head.length),
  };
}

/** Renders entries, with their times in front of each line if wanted. */
export function logPrinter(withTimes: boolean): (part: LogPart) => Buffer {
  /** Whether a stream is in the midst of a line. */
  const within = { stdout: false, stderr: false };
  return ({ stream, time, text, isEnd }) => {
    const head = withTimes && !within[stream] && time !== '' ? `${time} ` : '';
    within[stream] = !isEnd;
    return Buffer.concat([Buffer.from(head), text, Buffer.from(isEnd ? '\n' : '')]);
  };
}
