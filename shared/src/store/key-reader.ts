import { CausewayError } from '../errors.ts';
import { SortedMap } from '../sorted-map.ts';
import type { Decoded } from './codec-base.ts';
import type { KeyValue, PrefixState } from './store.ts';

/** What was read of a prefix. Both by key. */
export interface KeysRead<T> {
  /** Of a key that cannot be read, the last value that could be, while the key exists. */
  readonly values: SortedMap<T>;
  /** Why a key cannot be read, a sentence. */
  readonly faults: SortedMap<string>;
}

/**
 * Makes the function that reads a prefix's keys. A value that did not change since the last call is not decoded again
 * and is the same object again.
 *
 * @param decodeKey answers undefined for a key that is none of ours, which is no problem
 */
export function keyReader<T>(
  decodeKey: (kv: KeyValue) => Decoded<T> | undefined,
): (state: PrefixState) => KeysRead<T> {
  let last = SortedMap.of<KeyValue>();
  let read: KeysRead<T> = { values: SortedMap.of<T>(), faults: SortedMap.of<string>() };
  return ({ items }) => {
    const next = SortedMap.of(items);
    const values: [string, T | undefined][] = [];
    const faults: [string, string | undefined][] = [];
    for (const { key, before, after } of next.changesSince(last)) {
      // The text, not its revision: etcd's data can be put back from a backup, where revisions repeat.
      if (before !== undefined && before.value === after?.value) continue;
      const value = after === undefined ? undefined : decodeKey(after);
      const isUnreadable = value instanceof CausewayError;
      faults.push([key, isUnreadable ? value.message : undefined]);
      if (!isUnreadable) values.push([key, value]);
    }
    read = { values: read.values.with(values), faults: read.faults.with(faults) };
    last = next;
    return read;
  };
}

/** The keys of which no value holds, though they exist. */
export function unknownKeys<T>({ values, faults }: KeysRead<T>): readonly string[] {
  return [...faults.keys()].filter((key) => !values.has(key));
}
