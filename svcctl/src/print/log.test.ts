import fc from 'fast-check';
import { expect, it } from 'vitest';
import { logParser, logPrinter } from './log.ts';

const T = '2026-11-21T21:38:21.841975003+00:00';
const LOG = [
  `${T} stdout F one`,
  '',
  `${T} stdout P begins `,
  `${T} stderr F to the side`,
  `${T} stdout F and ends`,
  `${T} stdout F `,
  `${T} stdout F`,
  'plain',
  '',
].join('\n');

function printed(pieces: readonly Buffer[], withTimes = false): Record<'stdout' | 'stderr', string> {
  const [parse, print] = [logParser(), logPrinter(withTimes)];
  const told = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  for (const part of pieces.flatMap((piece) => parse(piece)))
    told[part.stream] = Buffer.concat([told[part.stream], print(part)]);
  return { stdout: told.stdout.toString('latin1'), stderr: told.stderr.toString('latin1') };
}

it('puts the parts of a line together, each stream for itself', () => {
  const stdout = 'one\nbegins and ends\n\n\nplain\n';
  expect(printed([Buffer.from(LOG)])).toEqual({ stdout, stderr: 'to the side\n' });
});

it('sets the time before each line, not before its parts', () => {
  expect(printed([Buffer.from(LOG)], true).stdout).toBe(
    `${T} one\n${T} begins and ends\n${T} \n${T} \nplain\n`,
  );
});

it('takes an answer however it comes in pieces, and bytes that are no text', () => {
  const log = Buffer.concat([
    Buffer.from(`${T} stdout F `),
    Buffer.from([0xff, 0x00, 0xe2]),
    Buffer.from(`\n${LOG}`),
  ]);
  const whole = printed([log]);
  expect(whole.stdout.slice(0, 4)).toBe('\u00ff\u0000\u00e2\n');
  fc.assert(
    fc.property(fc.array(fc.nat({ max: log.length })), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), log.length];
      const pieces = at.slice(1).map((end, index) => log.subarray(at[index], end));
      expect(printed(pieces)).toEqual(whole);
    }),
    { numRuns: 50 },
  );
});
