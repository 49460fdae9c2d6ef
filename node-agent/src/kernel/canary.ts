import { messageOf } from '@causeway/shared/errors';
import { type Started, start } from '@causeway/shared/programs/start';
import { createDoubts } from './doubts.ts';
import type { RuleWatch } from './rule-watch.ts';

/** How often the rules are asked for, milliseconds; a flush must be mended within a second. */
const PERIOD_MS = 600;

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
  const doubts = createDoubts();
  let closed = false;
  let canary: Started | undefined;
  let turn = 0;
  let changing = 0;

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
    doubts.raise();
    onForeign(reason);
  };
  const ask = () => {
    if (!doubts.isDue() || changing > 0) return;
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
        if (made) doubts.settle();
      };
    },
  };
}
