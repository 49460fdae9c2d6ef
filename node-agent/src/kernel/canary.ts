import { type Started, start } from '@causeway/shared/programs/start';
import { askOverAndOver } from './asking.ts';
import type { RuleWatch } from './rule-watch.ts';

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
  let canary: Started | undefined;
  let turn = 0;

  const begin = (): Started => {
    const mine = start(program, ['--noflush', '--test', '--wait', '1'], {
      writable: true,
      dieWithParent: true,
    });
    mine.exited.then(() => {
      if (canary === mine) canary = undefined;
      asking.doubt(`a rule of ours is gone, or not the first any more, where ${program} puts them`);
    });
    return mine;
  };
  const asking = askOverAndOver((isDue) => {
    if (!isDue()) return;
    const asked = question(turn);
    if (asked === '') return;
    turn += 1;
    canary ??= begin();
    canary.write(asked);
  }, onForeign);
  return {
    close: () => {
      asking.close();
      canary?.kill();
    },
    expectOwn: (tool) => (tool === 'iptables-legacy' ? asking.expectOwn() : () => undefined),
  };
}
