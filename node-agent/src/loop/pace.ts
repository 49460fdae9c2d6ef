/** How long to wait before a signal is followed up. */
export interface Pace {
  /** Milliseconds. */
  delay(): number;
  /** Something was repaired at this time, milliseconds on any clock that does not jump. */
  repaired(now: number): void;
}

/** Several signals of one change arrive within this time. */
const MIN_MS = 50;
/** A repair must be done within a second of the damage, also in a fight. */
const MAX_MS = 500;
/** Repairs that are closer together than this are counted … */
const NEAR_MS = 2_000;
/** … and more than this many of them are a fight with another program. */
const FIGHT = 5;

/** Quick at first; slower while somebody keeps undoing what was repaired, so that a fight costs little. */
export function createPace(): Pace {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  return {
    delay: () => Math.min(MIN_MS * 2 ** Math.max(0, count - FIGHT), MAX_MS),
    repaired: (now) => {
      count = now - last < NEAR_MS ? count + 1 : 1;
      last = now;
    },
  };
}
