import { BLOCK, padded } from './blocks.ts';

/** What tar writes before the names of extended attributes. */
export const ATTRIBUTE = 'SCHILY.xattr.';

const SIZE_AT = 124;
const SIZE_BYTES = 12;
const TYPE_AT = 156;
const EXTENDED = 'x'.charCodeAt(0);

/**
 * PURE. A record of an entry's extended header, in bytes: tar-stream reads values as text, which attributes are not.
 *
 * @param headers all that is between the content of the entry before and the entry's own header
 */
export function paxValue(headers: Buffer, key: string): Buffer | undefined {
  let found: Buffer | undefined;
  for (let at = 0; at + BLOCK <= headers.length; ) {
    const text = headers.toString('latin1', at + SIZE_AT, at + SIZE_AT + SIZE_BYTES);
    const size = Number.parseInt(text, 8) || 0;
    const content = headers.subarray(at + BLOCK, at + BLOCK + size);
    if (headers[at + TYPE_AT] === EXTENDED) found = valueIn(content, key) ?? found;
    at += BLOCK + padded(size);
  }
  return found;
}

/** Records are `LENGTH KEY=VALUE\n`, and the length is that of all of it. */
function valueIn(records: Buffer, key: string): Buffer | undefined {
  let found: Buffer | undefined;
  for (let at = 0; at < records.length; ) {
    const space = records.indexOf(' ', at);
    const length = Number.parseInt(records.toString('latin1', at, Math.max(at, space)), 10);
    if (!(length > 0)) break;
    const record = records.subarray(space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0 && record.toString('utf8', 0, equals) === key) found = record.subarray(equals + 1);
    at += length;
  }
  return found;
}

/** PURE. */
export function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length += 1;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}
