/** An address family. Everything that a host has in both is kept as one value per family. */
export type Family = 'ipv4' | 'ipv6';
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** One value per family; a family that is absent is not used. */
export type ByFamily<T> = { readonly [F in Family]?: T };

/** As people write it. */
export const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** The families that have a value, in the order of `FAMILIES`. */
export function entriesOf<T>(by: ByFamily<T>): readonly (readonly [Family, T])[] {
  return FAMILIES.flatMap((family) => {
    const value = by[family];
    return value === undefined ? [] : [[family, value] as const];
  });
}

/** @param from answers undefined for a family that is left out */
export function byFamily<T>(from: (family: Family) => T | undefined): ByFamily<T> {
  const found: { [F in Family]?: T } = {};
  for (const family of FAMILIES) {
    const value = from(family);
    if (value !== undefined) found[family] = value;
  }
  return found;
}

export function mapFamilies<T, U>(
  by: ByFamily<T>,
  to: (value: T, family: Family) => U | undefined,
): ByFamily<U> {
  return byFamily((family) => {
    const value = by[family];
    return value === undefined ? undefined : to(value, family);
  });
}
