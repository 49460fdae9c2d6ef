/** How long to wait before a signal is followed up. Times are milliseconds on any clock that does not jump. */
export interface Pace {
  delay(now: number): number;
  /** Something of the network was changed by this host itself at this time: the kernel tells of that too. */
  changed(now: number): void;
  /** Something was repaired at this time. */
  repaired(now: number): void;
}

/** Several signals of one change arrive within this time. */
const MIN_MS = 10;
/** A repair must be done within a second of the damage, also in a fight. */
const MAX_MS = 500;
/** Repairs that are closer together than this are counted … */
const NEAR_MS = 2_000;
/** … and more than this many of them are a fight with another program. */
const FIGHT = 5;
/** Signals that come sooner than this after a change of our own are mostly its echo … */
const ECHO_MS = 50;
/** … and a look after each of many changes would hold up the next; one after several is enough. */
const ECHO_DELAY_MS = 250;

/** Quick at first; slower while somebody keeps undoing what was repaired, so that a fight costs little. */
export function createPace(): Pace {
  let count = 0;
  let repaired = Number.NEGATIVE_INFINITY;
  let changed = Number.NEGATIVE_INFINITY;
  return {
    delay: (now) => {
      const pause = Math.min(MIN_MS * 2 ** Math.max(0, count - FIGHT), MAX_MS);
      return now - changed < ECHO_MS ? Math.max(pause, ECHO_DELAY_MS) : pause;
    },
    changed: (now) => {
      changed = now;
    },
    repaired: (now) => {
      count = now - repaired < NEAR_MS ? count + 1 : 1;
      repaired = now;
    },
  };
}
