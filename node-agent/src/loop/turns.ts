/** Runs one task over and over, never twice at once, whenever somebody asks for it. */
export interface Turns {
  /** Asks for a turn after `delayMs`; the earliest wish counts. During a turn, it asks for one after it. */
  wake(delayMs?: number): void;
  /** No more turns; resolves when the running one has ended. */
  stop(): Promise<void>;
}

export function createTurns(task: () => Promise<void>): Turns {
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let stopped = false;

  const disarm = () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
  const arm = () => {
    disarm();
    if (stopped || running !== undefined || dueAt === Number.POSITIVE_INFINITY) return;
    const ms = dueAt - performance.now();
    // The shortest timer is a millisecond.
    if (ms <= 0) immediate = setImmediate(turn);
    else timer = setTimeout(turn, ms);
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
      disarm();
      await running;
    },
  };
}
