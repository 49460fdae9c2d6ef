/** Most periods without a question, when what is missing is not mended: 2⁷ of them are more than a minute. */
const MOST_DOUBLINGS = 7;

/** When to ask again for what was found missing, and told of: at once after it was mended, ever more seldom until then. */
export interface Doubts {
  /** Counts a period. @returns whether to ask in it */
  isDue(): boolean;
  /** Something was missing. */
  raise(): void;
  /** We have written it. */
  settle(): void;
}

/** Counts periods of whatever length. Pure but for what it remembers. */
export function createDoubts(): Doubts {
  /** Times that something was gone without a change of ours since. */
  let unmended = 0;
  let pause = 0;
  return {
    isDue: () => {
      pause = Math.max(0, pause - 1);
      return pause === 0;
    },
    raise: () => {
      unmended += 1;
      pause = 2 ** Math.min(unmended - 1, MOST_DOUBLINGS) - 1;
    },
    settle: () => {
      unmended = 0;
      pause = 0;
    },
  };
}
