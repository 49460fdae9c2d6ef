/** Containers that are worked on at the same time; a start keeps about one core busy. */
export const AT_ONCE = 3;

/** Does the work for all items, no more than `limit` at a time. Work that rejects ends it. */
export async function mapLimited<A>(
  items: readonly A[],
  limit: number,
  work: (item: A) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
