/** Runs one task over and over, never twice at once, whenever somebody asks for it. */
export interface Turns {
  /** Asks for a turn after `delayMs`; the earliest wish counts. During a turn, it asks for one after it. */
  wake(delayMs?: number): void;
  /** No more turns; resolves when the running one has ended. */
  stop(): Promise<void>;
}

export function createTurns(task: () => Promise<void>): Turns {
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let stopped = false;

  const arm = () => {
    clearTimeout(timer);
    if (stopped || running !== undefined || dueAt === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(turn, Math.max(0, dueAt - performance.now()));
  };
  const turn = () => {
    dueAt = Number.POSITIVE_INFINITY;
    running = task().finally(() => {
      running = undefined;
      arm();
    });
  };
  return {
    wake: (delayMs = 0) => {
      dueAt = Math.min(dueAt, performance.now() + delayMs);
      arm();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
