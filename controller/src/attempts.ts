import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';

/** How often a write starts over when somebody else was faster, and the longest pause before that, milliseconds. */
const ATTEMPTS = 20;
const MAX_PAUSE_MS = 512;

/**
 * Writes until nobody else was faster; a random part of each pause lets slow ones win, too.
 *
 * @param doing `changing container "web"`
 * @param act handed how often it was tried before; undefined: a guard did not hold
 * @throws CausewayError `conflict` when others were faster every time
 */
export async function attempts<T>(
  doing: string,
  act: (before: number) => Promise<T | undefined>,
): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const done = await act(attempt);
    if (done !== undefined) return done;
    // The first time what was planned from was old, as often as not: nobody has to be let by.
    if (attempt > 0) await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
  }
  throw new CausewayError(
    'conflict',
    `${doing}: others changed the same things ${ATTEMPTS} times in between; try again`,
  );
}
