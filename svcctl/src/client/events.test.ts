import { expect, it } from 'vitest';
import { eventParser, type ServerEvent } from './events.ts';

const STREAM =
  ': hello\nevent: added\nid: 4\ndata: {"a":\ndata: 1}\n\nretry: 5\n\r\ndata:x\r\n\r\nevent: lost\n\n';
const EVENTS = [
  { event: 'added', data: '{"a":\n1}' },
  { event: 'message', data: 'x' },
];

function parsed(pieces: readonly string[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const feed = eventParser((event) => events.push(event));
  for (const piece of pieces) feed(piece);
  return events;
}

it('parses events, comments and ends of lines of all kinds', () => {
  expect(parsed([STREAM])).toEqual(EVENTS);
});

it('does not care where the pieces are cut', () => {
  expect(parsed([...STREAM])).toEqual(EVENTS);
});
