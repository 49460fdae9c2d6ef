interface Identified {
  readonly id: string;
}

export function byId(a: Identified, b: Identified): number {
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** What one list has and the other has not, by identity. Most of both is the same, in the same order. */
export function difference<T>(
  from: readonly T[],
  to: readonly T[],
): { readonly gone: readonly T[]; readonly come: readonly T[] } {
  if (from === to) return { gone: [], come: [] };
  const most = Math.min(from.length, to.length);
  let start = 0;
  while (start < most && from[start] === to[start]) start++;
  let end = 0;
  while (end < most - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  const [before, after] = [from.slice(start, from.length - end), to.slice(start, to.length - end)];
  const [had, has] = [new Set(before), new Set(after)];
  return { gone: before.filter((one) => !has.has(one)), come: after.filter((one) => !had.has(one)) };
}

/**
 * @param sorted by id; it has all that go, and then none of those that come
 * @returns the same list where nothing comes or goes
 */
export function exchanged<T extends Identified>(
  sorted: readonly T[],
  gone: readonly Identified[],
  come: readonly T[],
): readonly T[] {
  if (gone.length + come.length === 0) return sorted;
  const cuts = gone.map(({ id }) => placeOf(sorted, id)).sort((a, b) => a - b);
  const result: T[] = [];
  let [next, cut] = [0, 0];
  const copy = (end: number) => {
    for (const one of sorted.slice(next, end)) {
      if (cuts[cut] === next) cut++;
      else result.push(one);
      next++;
    }
  };
  for (const one of [...come].sort(byId)) {
    copy(placeOf(sorted, one.id));
    result.push(one);
  }
  copy(sorted.length);
  return result;
}

/** The number of those whose ids are smaller. */
function placeOf(sorted: readonly Identified[], id: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.id ?? id) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
