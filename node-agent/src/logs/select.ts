/** What of a log is wanted. */
export interface Wanted {
  /** So many last lines; absent: all. */
  readonly tail?: number;
  /** Nothing older, milliseconds since the epoch; absent: everything. */
  readonly since?: number;
}

const NEWLINE = 0x0a;
/** `2026-11-21T21:38:21.841975003+00:00 stdout F text`: P where the line of the program goes on. */
const ENTRY = /^(\d{4}-\d\d-\d\dT\S+) (?:stdout|stderr) ([FP])(?: |$)/;
/** Enough of an entry for all that comes before its text. */
const HEAD_BYTES = 64;

/**
 * PURE. Where the wanted part of a log of conmon's begins. A line that is none of its entries counts as one without a time,
 * which goes with what is before it.
 *
 * @param log entries, each with its end of line
 */
export function wantedFrom(log: Buffer, { tail, since }: Wanted): number {
  const recent = since === undefined ? 0 : sinceOffset(log, since);
  return tail === undefined ? recent : Math.max(recent, tailOffset(log, tail));
}

function sinceOffset(log: Buffer, since: number): number {
  for (let at = 0; at < log.length; at = lineEnd(log, at)) {
    const time = Date.parse(entryAt(log, at)?.[1] ?? '');
    if (time >= since) return at;
  }
  return log.length;
}

function tailOffset(log: Buffer, tail: number): number {
  let found = log.length;
  let lines = 0;
  for (let end = log.length; end > 0; ) {
    const at = log.lastIndexOf(NEWLINE, end - 2) + 1;
    // The last entry of a program's line, or of one that it has not ended yet.
    if (entryAt(log, at)?.[2] !== 'P' || end === log.length) lines += 1;
    if (lines > tail) return found;
    found = at;
    end = at;
  }
  return found;
}

function entryAt(log: Buffer, at: number): RegExpExecArray | null {
  return ENTRY.exec(log.toString('latin1', at, Math.min(at + HEAD_BYTES, lineEnd(log, at) - 1)));
}

function lineEnd(log: Buffer, at: number): number {
  const end = log.indexOf(NEWLINE, at);
  return end < 0 ? log.length : end + 1;
}
