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
  const most = Math.min(from.length, to.length);
  let start = 0;
  while (start < most && from[start] === to[start]) start++;
  let end = 0;
  while (end < most - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  const [before, after] = [from.slice(start, from.length - end), to.slice(start, to.length - end)];
  const [had, has] = [new Set(before), new Set(after)];
  return { gone: before.filter((one) => !has.has(one)), come: after.filter((one) => !had.has(one)) };
}

/** @param sorted by id, changed in place; it has the one with this id */
export function removeById(sorted: Identified[], id: string): void {
  sorted.splice(placeOf(sorted, id), 1);
}

/** @param sorted by id, changed in place; it has none with the same id */
export function insertById<T extends Identified>(sorted: T[], one: T): void {
  sorted.splice(placeOf(sorted, one.id), 0, one);
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
