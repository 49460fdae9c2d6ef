import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';

/** How often a write starts over when somebody else was faster, and the longest pause before that, milliseconds. */
const ATTEMPTS = 20;
const MAX_PAUSE_MS = 256;

/**
 * Writes until nobody else was faster; a random part of each pause lets slow ones win, too.
 *
 * @param doing `changing container "web"`
 * @param act undefined: a guard did not hold
 * @throws CausewayError `conflict` when others were faster every time
 */
export async function attempts<T>(doing: string, act: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const done = await act();
    if (done !== undefined) return done;
    await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
  }
  throw new CausewayError(
    'conflict',
    `${doing}: others changed the same things ${ATTEMPTS} times in between; try again`,
  );
}
