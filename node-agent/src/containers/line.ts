import type { Decision } from './decision.ts';
import type { ContainerRecord } from './records.ts';

/** The order in which containers are started, when there are more of them than one pass starts. */
export interface Line {
  /**
   * What takes no start comes first. Of the starts, one of a container that has run before and one of a new container in
   * turns, so that neither kind waits for all of the other; within a kind, in the order in which they came to be due.
   *
   * @param records what is remembered of containers, by name
   */
  order(decisions: readonly Decision[], records: ReadonlyMap<string, ContainerRecord>): readonly Decision[];
  /** It has had its turn: the next time it stands behind all others. */
  served(name: string): void;
  /** Forgets all others. */
  keepOnly(names: ReadonlySet<string>): void;
}

export function createLine(): Line {
  const places = new Map<string, number>();
  let last = 0;
  const placeOf = (name: string): number => {
    const place = places.get(name) ?? last++;
    places.set(name, place);
    return place;
  };
  return {
    order(decisions, records) {
      for (const { name, kind } of decisions) if (kind !== 'start') places.delete(name);
      const starts = decisions
        .filter(({ kind }) => kind === 'start')
        .map((decision) => ({ decision, place: placeOf(decision.name) }))
        .sort((a, b) => a.place - b.place)
        .map(({ decision }) => decision);
      const hasRun = ({ name }: Decision) => records.get(name)?.process !== undefined;
      return [
        ...decisions.filter(({ kind }) => kind !== 'start'),
        ...inTurns(
          starts.filter(hasRun),
          starts.filter((start) => !hasRun(start)),
        ),
      ];
    },
    served: (name) => void places.delete(name),
    keepOnly(names) {
      for (const name of places.keys()) if (!names.has(name)) places.delete(name);
    },
  };
}

/** PURE. The first of the one, the first of the other, the second of the one … */
function inTurns<A>(one: readonly A[], other: readonly A[]): readonly A[] {
  const most = Math.max(one.length, other.length);
  return Array.from({ length: most }, (_, i) => [...one.slice(i, i + 1), ...other.slice(i, i + 1)]).flat();
}
