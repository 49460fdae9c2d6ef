/** One kind of thing that services, or containers, hold, each at most once in the cluster. */
export interface Holdings {
  readonly by: 'service' | 'container';
  /** As a sentence calls it: `VIP 2.2.2.2`. */
  readonly nameOf: (thing: string) => string;
  /** By thing: the holder that etcd's record of it names. */
  readonly recorded: ReadonlyMap<string, string>;
  /** By thing: the holders whose definitions have it. */
  readonly used: ReadonlyMap<string, readonly string[]>;
  readonly holders: { has(name: string): boolean };
  /** Whether a holder cannot be read, so that nobody knows what it has. */
  readonly isUnknown: (holder: string) => boolean;
}

/**
 * Compares what is recorded as given away with what its holders have.
 *
 * @returns a sentence for whatever is leaked, missing or doubled
 */
export function heldOnce(holdings: Holdings): readonly string[] {
  return [...leaked(holdings), ...missing(holdings)];
}

function leaked({ by, nameOf, recorded, used, holders, isUnknown }: Holdings): readonly string[] {
  return [...recorded].flatMap(([thing, holder]) => {
    if (isUnknown(holder) || used.get(thing)?.includes(holder)) return [];
    const why = holders.has(holder) ? 'which does not have it' : 'which does not exist';
    return [`${nameOf(thing)} is recorded for ${by} ${quoted(holder)}, ${why}: it is leaked`];
  });
}

function missing({ by, nameOf, recorded, used, isUnknown }: Holdings): readonly string[] {
  return [...used].flatMap(([thing, all]) => {
    const owner = recorded.get(thing);
    const doubled =
      all.length > 1 ? [`${nameOf(thing)} is doubled: ${by}s ${all.map(quoted).join(' and ')} have it`] : [];
    const lost = all
      .filter((holder) => holder !== owner && !isUnknown(holder))
      .map((holder) =>
        owner === undefined
          ? `${nameOf(thing)} of ${by} ${quoted(holder)} is not recorded, so it could be given away again`
          : `${nameOf(thing)} of ${by} ${quoted(holder)} is recorded for ${by} ${quoted(owner)}`,
      );
    return [...doubled, ...lost];
  });
}

/** @returns by thing, who has it */
export function usersOf<T extends { readonly name: string }>(
  holders: readonly T[],
  thingsOf: (holder: T) => readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const holder of holders) {
    for (const thing of thingsOf(holder)) {
      const names = found.get(thing);
      if (names === undefined) found.set(thing, [holder.name]);
      else names.push(holder.name);
    }
  }
  return found;
}

/** @returns by thing, whom a table of allocations names */
export function ownersIn(
  table: ReadonlyMap<string, { readonly value: string }>,
): ReadonlyMap<string, string> {
  return new Map([...table].map(([thing, { value }]) => [thing, value]));
}

/** A name on one line, whatever others wrote to etcd. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
