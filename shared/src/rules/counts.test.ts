import fc from 'fast-check';
import { expect, it } from 'vitest';
import { serviceIntent } from '../../../test/support/intents.ts';
import { countsOf, handOver, type KeysOf } from './counts.ts';
import { diffServices } from './diff.ts';

const VERSIONS = ['a', 'b', 'c', 'd'].map((id) =>
  ['2.2.2.2', '2.2.2.3'].map((vip) => serviceIntent({ id, vip })),
);
const anyList = fc
  .tuple(...VERSIONS.map((versions) => fc.option(fc.constantFrom(...versions), { nil: undefined })))
  .map((all) => all.filter((one) => one !== undefined));
/** The second key of a service is there twice. */
const keysOf: KeysOf = ({ id, vip = '' }) => [vip, id, id];

it('counts the same whether it counts anew or goes by what has changed', () => {
  fc.assert(
    fc.property(fc.array(anyList, { minLength: 2, maxLength: 6 }), (lists) => {
      lists.reduce((from, to) => {
        countsOf(from, keysOf);
        handOver(from, to, diffServices(from, to));
        expect(countsOf(to, keysOf)).toEqual(countsOf(to.slice(), keysOf));
        expect(countsOf(from, keysOf)).toEqual(countsOf(from.slice(), keysOf));
        return to;
      });
    }),
  );
});

it('asks each service once, and after a change the changed ones alone', () => {
  const asked: string[] = [];
  const noted: KeysOf = ({ id }) => {
    asked.push(id);
    return [id];
  };
  const [a, b, c] = VERSIONS.map(([first]) => first);
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const [from, to] = [
    [a, b],
    [a, c],
  ];
  for (let i = 0; i < 2; i++) countsOf(from, noted);
  handOver(from, to, diffServices(from, to));
  expect([...countsOf(to, noted)]).toEqual([
    ['a', 1],
    ['c', 1],
  ]);
  expect(asked).toEqual(['a', 'b', 'b', 'c']);
});
