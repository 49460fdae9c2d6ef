import type { ContainerSpec } from '@causeway/shared/model/container';
import { expect, it } from 'vitest';
import type { Decision } from './decision.ts';
import { createLine } from './line.ts';
import type { ContainerRecord } from './records.ts';

const decided = (kind: 'start' | 'keep', name: string): Decision => {
  const spec: ContainerSpec = { name, host: 'h', command: ['httpd'], files: {} };
  return kind === 'keep'
    ? { kind, name, spec, addresses: {}, pid: 1 }
    : { kind, name, spec, addresses: {}, specHash: '', fresh: true, anew: false, why: 'it does not run' };
};
const starts = (...names: string[]) => names.map((name) => decided('start', name));
/** They have run before. */
const remember = (...names: string[]): ReadonlyMap<string, ContainerRecord> => {
  const process = { pid: 1, startTime: '1', bootId: 'b' };
  return new Map(names.map((name) => [name, { name, specHash: '', process }]));
};
const namesOf = (decisions: readonly Decision[]) => decisions.map(({ name }) => name).join(' ');

it('puts what takes no start first, then one that ran before and a new one in turns', () => {
  const all = [...starts('new-1', 'new-2', 'new-3', 'ran-1', 'ran-2'), decided('keep', 'well')];
  expect(namesOf(createLine().order(all, remember('ran-1', 'ran-2')))).toBe(
    'well ran-1 new-1 ran-2 new-2 new-3',
  );
});

it('keeps places from pass to pass, and whoever had his turn is behind all others', () => {
  const line = createLine();
  expect(namesOf(line.order(starts('b', 'c'), new Map()))).toBe('b c');
  line.served('b');
  expect(namesOf(line.order(starts('a', 'b', 'c'), new Map()))).toBe('c a b');
  line.keepOnly(new Set(['a', 'b']));
  expect(namesOf(line.order(starts('a', 'b', 'c'), new Map()))).toBe('a b c');
});

it('lets each of many that end again and again come to its turn, and a new one within two', () => {
  const line = createLine();
  const bad = Array.from({ length: 40 }, (_, i) => `bad-${i}`);
  const served = new Set<string>();
  for (let pass = 0; pass < 10; pass++)
    for (const { name } of line.order(starts(...bad), remember(...bad)).slice(0, 4)) {
      served.add(name);
      line.served(name);
    }
  expect(served.size).toBe(40);
  expect(namesOf(line.order(starts(...bad, 'new'), remember(...bad)).slice(0, 2))).toContain('new');
});

it('gives up the place of one that runs', () => {
  const line = createLine();
  line.order(starts('a', 'b'), new Map());
  line.order([decided('keep', 'a'), ...starts('b')], new Map());
  expect(namesOf(line.order(starts('a', 'b'), new Map()))).toBe('b a');
});
