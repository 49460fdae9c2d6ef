import fc from 'fast-check';
import { expect, it } from 'vitest';
import { follower, SortedMap } from '../../shared/src/sorted-map.ts';

/** Few keys, so that changes meet; enough that a map has several chunks. */
const anyKey = fc.integer({ min: 0, max: 400 }).map((n) => `k${n}`);
const anyChanges = fc.array(fc.tuple(anyKey, fc.option(fc.nat(3), { nil: undefined })), { maxLength: 300 });
const anySequence = fc.array(anyChanges, { minLength: 1, maxLength: 8 });

/** The same by the simplest means. */
function plain(
  before: ReadonlyMap<string, number>,
  changes: readonly (readonly [string, number | undefined])[],
) {
  const next = new Map(before);
  for (const [key, value] of changes)
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  return new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

it('holds after any changes what a map would, in the order of the keys', () => {
  fc.assert(
    fc.property(anySequence, (sequence) => {
      let map = SortedMap.of<number>();
      let wanted: ReadonlyMap<string, number> = new Map();
      for (const changes of sequence) {
        const [before, held] = [map, [...map]];
        map = map.with(changes);
        wanted = plain(wanted, changes);
        expect([...map]).toEqual([...wanted]);
        expect([[...map.keys()], [...map.values()], map.list(), map.size]).toEqual([
          [...wanted.keys()],
          [...wanted.values()],
          [...wanted.values()],
          wanted.size,
        ]);
        for (const [key] of changes)
          expect([map.get(key), map.has(key)]).toEqual([wanted.get(key), wanted.has(key)]);
        expect([...before]).toEqual(held);
      }
    }),
    { numRuns: 300 },
  );
});

it('tells exactly what differs between any two of its states', () => {
  fc.assert(
    fc.property(anySequence, fc.nat(), fc.nat(), (sequence, from, to) => {
      const states = [SortedMap.of<number>()];
      for (const changes of sequence) states.push((states.at(-1) ?? SortedMap.of<number>()).with(changes));
      const [a, b] = [states[from % states.length], states[to % states.length]];
      if (a === undefined || b === undefined) throw new Error('there is a state at each place');
      const keys = [...new Set([...a.keys(), ...b.keys()])].sort();
      expect(b.changesSince(a)).toEqual(
        keys
          .map((key) => ({ key, before: a.get(key), after: b.get(key) }))
          .filter(({ before, after }) => before !== after),
      );
    }),
    { numRuns: 300 },
  );
});

it('follows a map as if it saw it first, and asks for what is new alone', () => {
  fc.assert(
    fc.property(anySequence, (sequence) => {
      let asked: string[] = [];
      const read = (value: number, key: string) => {
        asked.push(key);
        return value === 0 ? undefined : `${key} ${value}`;
      };
      const follow = follower(read, (key) => `as ${key}`);
      let map = SortedMap.of<number>();
      for (const changes of sequence) {
        const before = map;
        map = map.with(changes);
        asked = [];
        const found = follow(map);
        expect(asked).toEqual(
          map.changesSince(before).flatMap(({ key, after }) => (after === undefined ? [] : key)),
        );
        expect([...found]).toEqual([...follower(read, (key) => `as ${key}`)(new Map(map))]);
      }
    }),
    { numRuns: 200 },
  );
});

it('is the same map where nothing differs', () => {
  const map = SortedMap.of([
    ['b', 1],
    ['a', 2],
  ] as const);
  expect(
    map.with([
      ['a', 2],
      ['c', undefined],
    ]),
  ).toBe(map);
  expect(map.with([])).toBe(map);
  expect(SortedMap.of(map)).toBe(map);
  expect([
    ...SortedMap.of([
      ['a', 1],
      ['a', 2],
    ] as const),
  ]).toEqual([['a', 2]]);
});

it('finds one change after nearly all have gone', () => {
  const many = SortedMap.of(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, i] as const));
  const few = many.with(Array.from({ length: 9_990 }, (_, i) => [`k${i}`, undefined] as const));
  expect([...few.keys()]).toEqual(Array.from({ length: 10 }, (_, i) => `k${9_990 + i}`));
  expect(few.with([['k1', 1]]).changesSince(few)).toEqual([{ key: 'k1', before: undefined, after: 1 }]);
});
