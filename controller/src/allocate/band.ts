/**
 * Kubernetes' split of a range: the low band is for those who choose by hand, and what is given out without
 * being chosen comes from above it, so that the two seldom meet.
 *
 * @returns the size of the low band of a range of `size`: `size/parts`, at least 16, at most `most`, and none
 *   of a range that is too small to be split
 */
export function staticBand(size: number, parts: number, most: number): number {
  const band = Math.min(Math.max(16, Math.floor(size / parts)), most);
  return size > 2 * 16 ? band : 0;
}

/**
 * Picks the first free number at or after a random one; the low band only when nothing else is free.
 *
 * @param random as Math.random: 0 ≤ r < 1
 * @returns undefined when nothing is free
 */
export function pickFrom(
  range: { readonly first: number; readonly last: number; readonly band: number },
  isTaken: (value: number) => boolean,
  random: () => number,
): number | undefined {
  const { first, last, band } = range;
  return scan(first + band, last, isTaken, random) ?? scan(first, first + band - 1, isTaken, random);
}

function scan(
  first: number,
  last: number,
  isTaken: (value: number) => boolean,
  random: () => number,
): number | undefined {
  const size = last - first + 1;
  if (size < 1) return undefined;
  const start = Math.floor(random() * size);
  for (let step = 0; step < size; step++) {
    const value = first + ((start + step) % size);
    if (!isTaken(value)) return value;
  }
  return undefined;
}
