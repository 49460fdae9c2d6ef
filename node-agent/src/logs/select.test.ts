import { describe, expect, it } from 'vitest';
import { wantedFrom } from './select.ts';

const line = (second: number, text: string, flag = 'F', stream = 'stdout') =>
  `2026-11-21T21:38:${String(second).padStart(2, '0')}.000000000+00:00 ${stream} ${flag} ${text}\n`;

const LOG = [
  line(1, 'one'),
  line(2, 'begins ', 'P'),
  line(3, 'to the side', 'F', 'stderr'),
  line(4, 'and ends'),
  line(5, 'five'),
].join('');
const wanted = (text: string, what: Parameters<typeof wantedFrom>[1]) => {
  const log = Buffer.from(text);
  return log.subarray(wantedFrom(log, what)).toString();
};

describe('the wanted part of a log', () => {
  it('is all of it, or as many last lines as asked for', () => {
    expect(wanted(LOG, {})).toBe(LOG);
    expect(wanted(LOG, { tail: 99 })).toBe(LOG);
    expect(wanted(LOG, { tail: 1 })).toBe(line(5, 'five'));
    expect(wanted(LOG, { tail: 0 })).toBe('');
    expect(wanted('', { tail: 3 })).toBe('');
  });

  it('has the beginning of a line that came in parts', () => {
    const parts = `${line(1, 'one')}${line(2, 'a', 'P')}${line(2, 'b', 'P')}${line(3, 'c')}`;
    expect(wanted(parts, { tail: 1 })).toBe(`${line(2, 'a', 'P')}${line(2, 'b', 'P')}${line(3, 'c')}`);
    const unended = `${line(1, 'one')}${line(2, 'a', 'P')}`;
    expect(wanted(unended, { tail: 1 })).toBe(line(2, 'a', 'P'));
  });

  it('begins at a time', () => {
    const at = (second: number) => Date.parse(`2026-11-21T21:38:${String(second).padStart(2, '0')}Z`);
    expect(wanted(LOG, { since: at(4) })).toBe(`${line(4, 'and ends')}${line(5, 'five')}`);
    expect(wanted(LOG, { since: at(4), tail: 1 })).toBe(line(5, 'five'));
    expect(wanted(LOG, { since: at(59) })).toBe('');
    expect(wanted(LOG, { since: 0 })).toBe(LOG);
  });

  it('has what is no entry of conmon’s, as earlier agents wrote it', () => {
    expect(wanted(`plain\nlines\n${line(1, 'one')}`, { tail: 2 })).toBe(`lines\n${line(1, 'one')}`);
  });
});
