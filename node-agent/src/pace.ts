/** How long to wait before a signal is followed up. */
export interface Pace {
  /** Milliseconds. */
  delay(): number;
  /** Something was repaired at this time, milliseconds on any clock that does not jump. */
  repaired(now: number): void;
}

/** Several signals of one change arrive within this time. */
const MIN_MS = 50;
/** A repair must be done within a second of the damage. */
const MAX_MS = 700;
/** Repairs that are closer together than this are a fight with another program. */
const FIGHT_MS = 2_000;

/** Quick at first; slower while somebody keeps undoing what was repaired, so that a fight costs little. Pure. */
export function createPace(): Pace {
  let delay = MIN_MS;
  let last = Number.NEGATIVE_INFINITY;
  return {
    delay: () => delay,
    repaired: (now) => {
      delay = now - last < FIGHT_MS ? Math.min(delay * 2, MAX_MS) : MIN_MS;
      last = now;
    },
  };
}
