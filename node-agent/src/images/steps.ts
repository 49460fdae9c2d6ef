import { setImmediate as turn } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';

/** After so many others have their turn: what is looked up in memory alone would otherwise keep the process to itself. */
const BREATH = 10_000;

/** Counts what an archive makes its reader do. @throws CausewayError `exhausted` */
export type Steps = (count: number) => Promise<void>;

export function createSteps(most: number): Steps {
  let taken = 0;
  let breath = BREATH;
  return async (count) => {
    taken += count;
    if (taken > most)
      throw new CausewayError(
        'exhausted',
        `the archive's paths go through folders and links in more than ${most} steps`,
      );
    if (taken < breath) return;
    breath = taken + BREATH;
    await turn();
  };
}
