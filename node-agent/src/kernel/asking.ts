import { messageOf } from '@causeway/shared/errors';
import type { Running } from './keep-running.ts';

/** How often is asked, milliseconds; what is missing must be mended within a second. */
const PERIOD_MS = 600;
/** Most periods without a question, when what is missing is not mended: 2⁷ of them are more than a minute. */
const MOST_DOUBLINGS = 7;

/** Asks a program over and over for what it tells nobody of by itself. */
export interface Asking extends Running {
  /** What should be there is not. Nobody hears of it any more after `close`. */
  doubt(reason: string): void;
  /** Announces a change of our own, until which nothing is asked. @returns to be called when it was made, or failed */
  expectOwn(): (made: boolean) => void;
}

/**
 * Asks at once again after what was missing has been mended, and ever more seldom until then.
 *
 * @param ask called in each period; `isDue` counts it, and says whether to ask in it. What it throws is a doubt
 */
export function askOverAndOver(
  ask: (isDue: () => boolean) => void,
  onForeign: (reason: string) => void,
): Asking {
  let closed = false;
  let changing = 0;
  /** Times that something was missing without a change of ours since. */
  let unmended = 0;
  let pause = 0;

  const isDue = () => {
    pause = Math.max(0, pause - 1);
    return pause === 0 && changing === 0;
  };
  const doubt = (reason: string) => {
    if (closed) return;
    unmended += 1;
    pause = 2 ** Math.min(unmended - 1, MOST_DOUBLINGS) - 1;
    onForeign(reason);
  };
  const timer = setInterval(() => {
    try {
      ask(isDue);
    } catch (error) {
      doubt(messageOf(error));
    }
  }, PERIOD_MS);
  timer.unref();
  return {
    doubt,
    close: () => {
      closed = true;
      clearInterval(timer);
    },
    expectOwn: () => {
      changing += 1;
      return (made) => {
        changing -= 1;
        if (made) [unmended, pause] = [0, 0];
      };
    },
  };
}
