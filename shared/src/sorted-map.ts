import { BTreeEx } from 'sorted-btree/extended/index.js';

/** What became of one key between two maps; a side that has no such key is undefined. */
export interface KeyChange<V> {
  readonly key: string;
  readonly before: V | undefined;
  readonly after: V | undefined;
}

/** Most entries of a node: the package's own default. */
const NODE_SIZE = 32;

/**
 * An immutable map, sorted by key, whose successor shares with it what did not change: to change one of ten thousand
 * entries, and to find out which one it was, costs microseconds. Values are told apart by identity; none is undefined.
 */
export class SortedMap<V> implements ReadonlyMap<string, V> {
  /** Never changed once it is here: a changed one is a clone, which copies the nodes on the way to what it changes. */
  readonly #tree: BTreeEx<string, V>;

  private constructor(tree: BTreeEx<string, V>) {
    this.#tree = tree;
  }

  /** @returns the map itself, if it is one; of two entries with one key the last counts */
  static of<V>(entries: Iterable<readonly [string, V]> = []): SortedMap<V> {
    if (entries instanceof SortedMap) return entries;
    const sorted = [...new Map(entries)].sort(([a], [b]) => byText(a, b));
    const [keys, values] = [sorted.map(([key]) => key), sorted.map(([, value]) => value)];
    return new SortedMap<V>(BTreeEx.bulkLoad(keys, values, NODE_SIZE, byText));
  }

  get size(): number {
    return this.#tree.size;
  }

  /** The same map but for these keys; undefined removes one. @returns the map itself when nothing differs */
  with(changes: Iterable<readonly [string, V | undefined]>): SortedMap<V> {
    const different = [...new Map(changes)].filter(([key, value]) => this.get(key) !== value);
    if (different.length === 0) return this;
    const tree = this.#tree.clone();
    for (const [key, value] of different) {
      if (value === undefined) tree.delete(key);
      else tree.set(key, value);
    }
    return new SortedMap(tree);
  }

  /** What differs from an earlier map, in the order of the keys. What both share is not looked into. */
  changesSince(before: SortedMap<V>): readonly KeyChange<V>[] {
    const changes: KeyChange<V>[] = [];
    const add = (key: string, was: V | undefined, is: V | undefined) => {
      changes.push({ key, before: was, after: is });
    };
    before.#tree.diffAgainst(
      this.#tree,
      (key, was) => add(key, was, undefined),
      (key, is) => add(key, undefined, is),
      (key, was, is) => add(key, was, is),
    );
    return changes.sort((a, b) => byText(a.key, b.key));
  }

  get(key: string): V | undefined {
    return this.#tree.get(key);
  }

  has(key: string): boolean {
    return this.#tree.has(key);
  }

  keys(): MapIterator<string> {
    return this.#tree.keys();
  }

  values(): MapIterator<V> {
    return this.#tree.values();
  }

  entries(): MapIterator<[string, V]> {
    return this.#tree.entries();
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(call: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) call(value, key, this);
  }

  /** All values, in the order of their keys. */
  list(): readonly V[] {
    return this.#tree.valuesArray();
  }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Makes the function that gives for a map another with a value for each of its own, and asks only for those that are
 * not as in the map before.
 *
 * @param read undefined: the other map has none
 * @param keyOf different keys for different keys
 */
export function follower<V, W>(
  read: (value: V, key: string) => W | undefined,
  keyOf: (key: string) => string = (key) => key,
): (map: ReadonlyMap<string, V>) => SortedMap<W> {
  let last = SortedMap.of<V>();
  let made = SortedMap.of<W>();
  return (map) => {
    const next = SortedMap.of(map);
    const changes = next.changesSince(last);
    made = made.with(
      changes.map(({ key, after }) => [keyOf(key), after === undefined ? undefined : read(after, key)]),
    );
    last = next;
    return made;
  };
}
