/** Many at a time, or one alone. */
export interface Gate {
  /** Waits for whoever is alone. */
  enter<T>(work: () => Promise<T>): Promise<T>;
  /** @returns undefined, with nothing done, while others are inside */
  alone<T>(work: () => Promise<T>): Promise<T | undefined>;
}

export function createGate(): Gate {
  let inside = 0;
  let lonely: Promise<unknown> | undefined;
  return {
    enter: async (work) => {
      while (lonely !== undefined) await lonely;
      inside += 1;
      try {
        return await work();
      } finally {
        inside -= 1;
      }
    },
    alone: async (work) => {
      if (inside > 0 || lonely !== undefined) return undefined;
      const working = work();
      lonely = working
        .catch(() => undefined)
        .finally(() => {
          lonely = undefined;
        });
      return working;
    },
  };
}
