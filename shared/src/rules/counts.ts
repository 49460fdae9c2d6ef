import type { ServiceIntent } from '../desired/intent.ts';
import type { ServiceDiff } from './diff.ts';

/** What one service adds to a count; the same function each time, since counts are known by it. */
export type KeysOf = (service: ServiceIntent) => readonly string[];

export type Counts = ReadonlyMap<string, number>;

/** By list, which nobody changes. */
const known = new WeakMap<readonly ServiceIntent[], Map<KeysOf, Map<string, number>>>();

/** How often the services say each key. They are gone through once; whoever asks again is told what was found. */
export function countsOf(services: readonly ServiceIntent[], keysOf: KeysOf): Counts {
  const ofList = known.get(services) ?? new Map<KeysOf, Map<string, number>>();
  known.set(services, ofList);
  const last = ofList.get(keysOf);
  if (last !== undefined) return last;
  const found = new Map<string, number>();
  for (const service of services) add(found, keysOf(service), 1);
  ofList.set(keysOf, found);
  return found;
}

/**
 * Brings what was counted of the first list up to date for the second, so that a change takes as long as there is
 * changed, not as there are services. The first one is counted anew, should somebody ask for it again.
 *
 * @param diff of the two
 */
export function handOver(
  from: readonly ServiceIntent[],
  to: readonly ServiceIntent[],
  { before, after }: Pick<ServiceDiff, 'before' | 'after'>,
): void {
  const ofList = known.get(from);
  if (ofList === undefined || from === to) return;
  known.delete(from);
  for (const [keysOf, counts] of ofList) {
    for (const service of before) add(counts, keysOf(service), -1);
    for (const service of after) add(counts, keysOf(service), 1);
  }
  known.set(to, ofList);
}

function add(counts: Map<string, number>, keys: readonly string[], by: 1 | -1): void {
  for (const key of keys) {
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  }
}
