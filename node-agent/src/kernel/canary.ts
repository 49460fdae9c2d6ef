import { messageOf } from '@causeway/shared/errors';
import { type Started, start } from '@causeway/shared/programs/start';
import type { RuleWatch } from './rule-watch.ts';

/** How often the rules are asked for, milliseconds; a flush must be mended within a second. */
const PERIOD_MS = 600;
/** Most periods without a question, when what is missing is not mended: 2⁷ of them are more than a minute. */
const MOST_DOUBLINGS = 7;

/**
 * iptables-legacy tells nobody of a change. One `iptables-legacy-restore --test` is kept running and asked over and
 * over whether rules of ours are there; it ends at the first that is not. That costs no new process and some
 * microseconds each time.
 *
 * @param program `iptables-legacy-restore`, or that of IPv6
 * @param question for the n-th time; empty: nothing is to be asked
 */
export function watchLegacy(
  program: string,
  question: (turn: number) => string,
  onForeign: (reason: string) => void,
): RuleWatch {
  let closed = false;
  let canary: Started | undefined;
  let turn = 0;
  let changing = 0;
  /** Times that something was gone without a change of ours since. */
  let unmended = 0;
  let pause = 0;

  const begin = (): Started => {
    const mine = start(program, ['--noflush', '--test', '--wait', '1'], {
      writable: true,
      dieWithParent: true,
    });
    mine.exited.then(() => {
      if (canary === mine) canary = undefined;
      if (!closed) doubt(`a rule of ours is gone, or not the first any more, where ${program} puts them`);
    });
    return mine;
  };
  const doubt = (reason: string) => {
    unmended += 1;
    pause = 2 ** Math.min(unmended - 1, MOST_DOUBLINGS) - 1;
    onForeign(reason);
  };
  const ask = () => {
    pause = Math.max(0, pause - 1);
    if (pause > 0 || changing > 0) return;
    const asked = question(turn);
    if (asked === '') return;
    turn += 1;
    try {
      canary ??= begin();
      canary.write(asked);
    } catch (error) {
      doubt(messageOf(error));
    }
  };
  const timer = setInterval(ask, PERIOD_MS);
  timer.unref();
  return {
    close: () => {
      closed = true;
      clearInterval(timer);
      canary?.kill();
    },
    expectOwn: (tool) => {
      if (tool !== 'iptables-legacy') return () => undefined;
      changing += 1;
      return (made) => {
        changing -= 1;
        if (!made) return;
        unmended = 0;
        pause = 0;
      };
    },
  };
}
