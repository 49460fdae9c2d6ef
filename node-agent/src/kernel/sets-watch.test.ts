import { start } from '@causeway/shared/programs/start';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { difference, type SetsWatch, watchSets } from './sets-watch.ts';

vi.mock('@causeway/shared/programs/start', () => ({ start: vi.fn() }));

const PERIOD_MS = 600;
let reasons: string[];
/** What the program was asked so far, and how it answers. */
let questions: number;
let tell: (line: string) => void;
let end: () => void;
let watch: SetsWatch;

beforeEach(() => {
  vi.useFakeTimers();
  reasons = [];
  questions = 0;
  vi.mocked(start).mockImplementation((_command, _args, options) => {
    tell = (line) => options?.onLine?.(line, 'stdout');
    const exited = new Promise<{ exitCode: number }>((resolve) => {
      end = () => resolve({ exitCode: 1 });
    });
    const kill = () => {
      end();
      return true;
    };
    return { pid: 1, exited, kill, write: () => void questions++ };
  });
  watch = watchSets(
    () => new Map([['CWY4-a', 2]]),
    (reason) => reasons.push(reason),
  );
});
afterEach(() => {
  watch.close();
  vi.mocked(start).mockReset();
  vi.useRealTimers();
});

function answer(size: number): void {
  for (const line of ['ipset> Name: others', 'Number of entries: 7', '', 'Name: CWY4-a']) tell(line);
  for (const line of [`Number of entries: ${size}`, 'ipset> ipset v7.17, protocol version: 7']) tell(line);
}
const period = () => vi.advanceTimersByTimeAsync(PERIOD_MS);

it('tells of a set that has not what it should, and of no other', async () => {
  await period();
  answer(2);
  await period();
  expect([questions, reasons]).toEqual([2, []]);
  answer(0);
  expect(reasons).toEqual(['the set CWY4-a has 0 elements, and should have 2']);
});

it('takes no answer for one about what we have changed since the question', async () => {
  await period();
  const settled = watch.expectOwn();
  answer(1);
  await period();
  expect(questions).toBe(1);
  settled(true);
  await period();
  expect([questions, reasons]).toEqual([2, []]);
});

it('asks ever more seldom for what is not mended, and as often as before once it is', async () => {
  const sizes: number[] = [];
  for (let i = 0; i < 64; i++) {
    await period();
    sizes.push(questions);
    answer(0);
  }
  expect(questions).toBeLessThan(9);
  watch.expectOwn()(true);
  const before = questions;
  for (let i = 0; i < 3; i++) {
    await period();
    answer(2);
  }
  expect(questions).toBe(before + 3);
});

it('tells that its program has ended, and starts another', async () => {
  await period();
  end();
  await period();
  expect(reasons).toEqual(['ipset, which counts the elements of our sets, has ended']);
  await period();
  await period();
  expect(vi.mocked(start)).toHaveBeenCalledTimes(2);
  answer(2);
  expect(reasons).toHaveLength(1);
});

it('ends a program that has not answered for a minute, and asks another', async () => {
  for (let i = 0; i < 99; i++) await period();
  expect([questions, reasons]).toEqual([1, []]);
  for (let i = 0; i < 5; i++) await period();
  expect([questions, vi.mocked(start).mock.calls.length]).toEqual([2, 2]);
  answer(2);
  expect(reasons).toEqual(['ipset, which counts the elements of our sets, has ended']);
});

it.each([
  [[['a', 1]], [['a', 1]], undefined],
  [[['a', 1]], [], 'the set a is gone'],
  [
    [['a', 1]],
    [
      ['a', 1],
      ['b', 1],
    ],
    'the set b is none that we made',
  ],
] as const)('%j and %j: %s', (expected, found, reason) => {
  expect(difference(new Map(expected), new Map(found))).toBe(reason);
});
