/** So many at a time; who comes later waits for a place, in the order of coming. */
export interface Slots {
  /** Runs the task as soon as there is a place for it. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

export function createSlots(most: number): Slots {
  let taken = 0;
  const waiting: (() => void)[] = [];
  return {
    run: async (task) => {
      if (taken < most) taken += 1;
      // Whoever leaves hands his place over.
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) taken -= 1;
        else next();
      }
    },
  };
}
