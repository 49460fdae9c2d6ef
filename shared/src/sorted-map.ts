/** What became of one key between two maps; a side that has no such key is undefined. */
export interface KeyChange<V> {
  readonly key: string;
  readonly before: V | undefined;
  readonly after: V | undefined;
}

/** Some entries that follow each other. Never changed, so what two maps share is known by its identity. */
interface Chunk<V> {
  readonly keys: readonly string[];
  /** At the same places. */
  readonly values: readonly V[];
}

/**
 * Most entries of a chunk. A change copies one chunk and the list of all chunks: for tens of thousands of entries both
 * are some hundred places.
 */
const MOST = 64;
/** More chunks than so many times those that were enough, and all are made anew. */
const SCATTERED = 4;

/**
 * An immutable map, sorted by key, whose successor shares with it what did not change: to change one of ten thousand
 * entries, and to find out which one it was, costs microseconds. Values are told apart by identity; none is undefined.
 */
export class SortedMap<V> implements ReadonlyMap<string, V> {
  static readonly #none = new SortedMap<never>([], 0);
  readonly #chunks: readonly Chunk<V>[];
  readonly size: number;

  private constructor(chunks: readonly Chunk<V>[], size: number) {
    this.#chunks = chunks;
    this.size = size;
  }

  /** @returns the map itself, if it is one; of two entries with one key the last counts */
  static of<V>(entries: Iterable<readonly [string, V]> = []): SortedMap<V> {
    return entries instanceof SortedMap ? entries : SortedMap.#none.#with<V>(entries);
  }

  /** The same map but for these keys; undefined removes one. @returns the map itself when nothing differs */
  with(changes: Iterable<readonly [string, V | undefined]>): SortedMap<V> {
    return this.#with(changes);
  }

  #with<W>(changes: Iterable<readonly [string, W | undefined]>): SortedMap<V | W> {
    const left = [...new Map(changes)].sort(([a], [b]) => byText(a, b));
    if (left.length === 0) return this;
    const chunks: Chunk<V | W>[] = [];
    let size = 0;
    let next = 0;
    for (const [i, chunk] of (this.#chunks.length === 0 ? [EMPTY] : this.#chunks).entries()) {
      const end = this.#chunks[i + 1]?.keys[0];
      const first = next;
      while (next < left.length && (end === undefined || (left[next]?.[0] ?? '') < end)) next++;
      const found = first === next ? [chunk] : edited<V | W>(chunk, left.slice(first, next));
      for (const one of found) {
        chunks.push(one);
        size += one.keys.length;
      }
    }
    const isSame = chunks.length === this.#chunks.length && chunks.every((one, i) => one === this.#chunks[i]);
    if (isSame) return this;
    const isScattered = chunks.length > SCATTERED * Math.ceil(size / MOST);
    return new SortedMap<V | W>(isScattered ? chunksOf(chunks.flatMap(entriesOf)) : chunks, size);
  }

  /** What differs from an earlier map, in the order of the keys. Chunks that both have are not looked into. */
  changesSince(before: SortedMap<V>): readonly KeyChange<V>[] {
    if (before === this) return [];
    const [had, has] = [new Set(before.#chunks), new Set(this.#chunks)];
    const old = before.#chunks.filter((chunk) => !has.has(chunk)).flatMap(entriesOf);
    const fresh = this.#chunks.filter((chunk) => !had.has(chunk)).flatMap(entriesOf);
    return compared(old, fresh);
  }

  get(key: string): V | undefined {
    const chunk =
      this.#chunks[lastPlace(this.#chunks.length, (i) => (this.#chunks[i]?.keys[0] ?? '') <= key)];
    if (chunk === undefined) return undefined;
    const place = lastPlace(chunk.keys.length, (i) => (chunk.keys[i] ?? '') <= key);
    return chunk.keys[place] === key ? chunk.values[place] : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *keys(): MapIterator<string> {
    for (const { keys } of this.#chunks) yield* keys;
  }

  *values(): MapIterator<V> {
    for (const { values } of this.#chunks) yield* values;
  }

  *entries(): MapIterator<[string, V]> {
    for (const chunk of this.#chunks) yield* entriesOf(chunk);
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(call: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) call(value, key, this);
  }

  /** All values, in the order of their keys. */
  list(): readonly V[] {
    return this.#chunks.flatMap(({ values }) => values);
  }
}

const EMPTY: Chunk<never> = { keys: [], values: [] };

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The last place of a sorted list that fulfils what all before it do; -1: none. */
function lastPlace(length: number, holds: (place: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function entriesOf<V>({ keys, values }: Chunk<V>): [string, V][] {
  return keys.map((key, i) => [key, values[i] as V]);
}

/** @param changes sorted by key. @returns what takes the chunk's place; the chunk itself when nothing differs */
function edited<V>(chunk: Chunk<V>, changes: readonly (readonly [string, V | undefined])[]): Chunk<V>[] {
  const found: [string, V][] = [];
  const entries = entriesOf(chunk);
  let [next, differs] = [0, false];
  for (const [key, value] of changes) {
    for (let one = entries[next]; one !== undefined && one[0] < key; one = entries[++next]) found.push(one);
    const isThere = entries[next]?.[0] === key;
    differs ||= (isThere ? entries[next]?.[1] : undefined) !== value;
    if (isThere) next++;
    if (value !== undefined) found.push([key, value]);
  }
  return differs ? chunksOf([...found, ...entries.slice(next)]) : [chunk];
}

/** Of about equal length, so that none is left that is full again at once. */
function chunksOf<V>(entries: readonly (readonly [string, V])[]): Chunk<V>[] {
  const count = Math.ceil(entries.length / MOST);
  return Array.from({ length: count }, (_, i) => {
    const part = entries.slice((i * entries.length) / count, ((i + 1) * entries.length) / count);
    return { keys: part.map(([key]) => key), values: part.map(([, value]) => value) };
  });
}

/** Both sorted by key. */
function compared<V>(
  old: readonly (readonly [string, V])[],
  fresh: readonly (readonly [string, V])[],
): readonly KeyChange<V>[] {
  const changes: KeyChange<V>[] = [];
  let next = 0;
  const gone = (until: string | undefined) => {
    for (let one = old[next]; one !== undefined && (until === undefined || one[0] < until); one = old[++next])
      changes.push({ key: one[0], before: one[1], after: undefined });
  };
  for (const [key, after] of fresh) {
    gone(key);
    const before = old[next]?.[0] === key ? old[next++]?.[1] : undefined;
    if (before !== after) changes.push({ key, before, after });
  }
  gone(undefined);
  return changes;
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
