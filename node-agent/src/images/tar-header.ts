import { BLOCK, padding } from './blocks.ts';
import { CAPABILITY_ATTRIBUTE } from './capability.ts';
import { ATTRIBUTE, paxRecord } from './pax.ts';

/** What of an archive's entry reaches the disk. Names are bytes, one per character (latin1). */
export interface CleanEntry {
  readonly type: 'file' | 'folder' | 'symlink' | 'hardlink' | 'fifo' | 'whiteout';
  /** Relative, without empty, `.` or `..` parts; empty: the root itself. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Of a file's content, bytes. */
  readonly size: number;
  /** A symbolic link's target as it is; a hard link's as a path. */
  readonly target?: string;
  /** Of a file: the value of `security.capability`. */
  readonly capability?: Buffer;
}

const NAME_BYTES = 100;
const TYPE_FLAGS: Readonly<Record<CleanEntry['type'], string>> = {
  ...{ file: '0', hardlink: '1', symlink: '2', whiteout: '3', folder: '5', fifo: '6' },
};
/** GNU's entries before one whose link or name is longer than a header's field. */
const LONG = { target: 'K', path: 'L' } as const;
/** Two blocks of zeros. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK);

/**
 * PURE. The headers of an entry in GNU's format, in which names are bytes. A whiteout is overlayfs' own: a character
 * device 0/0.
 */
export function tarHeader(entry: CleanEntry): Buffer {
  // A name that begins with a dash or an option's letters is none: every path is below "./".
  const path = `./${entry.path}`;
  const target = entry.type === 'hardlink' ? `./${entry.target ?? ''}` : (entry.target ?? '');
  const { capability } = entry;
  return Buffer.concat([
    ...(capability === undefined
      ? []
      : [before('././@PaxHeader', 'x', paxRecord(`${ATTRIBUTE}${CAPABILITY_ATTRIBUTE}`, capability))]),
    ...(target.length > NAME_BYTES ? [longName(LONG.target, target)] : []),
    ...(path.length > NAME_BYTES ? [longName(LONG.path, path)] : []),
    block({ ...entry, path, target }, TYPE_FLAGS[entry.type]),
  ]);
}

function longName(flag: string, name: string): Buffer {
  return before('././@LongLink', flag, Buffer.from(`${name}\0`, 'latin1'));
}

/** What tells more of the entry behind it than a header's fields can. */
function before(path: string, flag: string, content: Buffer): Buffer {
  const header = { path, mode: 0, uid: 0, gid: 0, mtime: 0, size: content.length };
  return Buffer.concat([block(header, flag), content, padding(content.length)]);
}

type Header = Omit<CleanEntry, 'type'>;

function block({ path, mode, uid, gid, size, mtime, target = '' }: Header, flag: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  const put = (text: string, at: number, bytes: number) => header.write(text.slice(0, bytes), at, 'latin1');
  put(path, 0, NAME_BYTES);
  number(header, mode, 100, 8);
  number(header, uid, 108, 8);
  number(header, gid, 116, 8);
  number(header, size, 124, 12);
  number(header, mtime, 136, 12);
  put(flag, 156, 1);
  put(target, 157, NAME_BYTES);
  put('ustar  \0', 257, 8);
  number(header, 0, 329, 8);
  number(header, 0, 337, 8);
  put('        ', 148, 8);
  const sum = header.reduce((all, byte) => all + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return header;
}

/** In octal digits, or else in base 256, as GNU does it. */
function number(header: Buffer, value: number, at: number, bytes: number): void {
  const octal = value.toString(8);
  if (value >= 0 && octal.length < bytes) {
    header.write(octal.padStart(bytes - 1, '0'), at, 'latin1');
    return;
  }
  let rest = BigInt(value);
  for (let i = at + bytes - 1; i > at; i -= 1) {
    header[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  header[at] = value < 0 ? 0xff : 0x80;
}
