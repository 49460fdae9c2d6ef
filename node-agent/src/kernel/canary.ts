import { CHAIN_PREFIX } from '@causeway/shared/names';
import { type Started, start } from '@causeway/shared/run';
import type { RuleWatch } from './nft-monitor.ts';

/** How often the rules are asked for, milliseconds; a flush must be mended within a second. */
const PERIOD_MS = 600;
/** Most rules that are asked for. */
const MOST = 64;

/**
 * iptables-legacy tells nobody of a change. One `iptables-legacy-restore --test` is kept running and asked over and
 * over whether some of our rules are there (`-C`); it ends at the first that is not. That costs no new process and
 * some microseconds each time.
 */
export function watchLegacy(list: () => Promise<string>, onForeign: (reason: string) => void): RuleWatch {
  let closed = false;
  let program: Started | undefined;
  let question = '';
  /** Changes of ours since a rule was last found gone; undefined: none was. */
  let repairs: number | undefined;

  const begin = () => {
    const mine = start('iptables-legacy-restore', ['--noflush', '--test', '--wait', '1'], {
      writable: true,
      dieWithParent: true,
    });
    program = mine;
    mine.exited.then(() => {
      if (program === mine) program = undefined;
      if (closed) return;
      // Gone, and nothing was repaired when it was gone last time: then it is not ours to have any more.
      if (repairs === 0) question = '';
      repairs = 0;
      onForeign('a rule of ours is gone from iptables-legacy');
    });
  };
  const ask = async () => {
    if (question === '') question = canaryQuestion(await list().catch(() => ''));
    if (closed || question === '') return;
    if (program === undefined) begin();
    program?.write(question);
  };
  const timer = setInterval(ask, PERIOD_MS);
  timer.unref();
  void ask();
  return {
    close: () => {
      closed = true;
      clearInterval(timer);
      program?.kill();
    },
    expectOwn: () => (made) => {
      if (made && repairs !== undefined) repairs += 1;
    },
  };
}

/** Asks for the jumps into our chains and the first rule of as many of our chains as possible. Pure. */
export function canaryQuestion(listing: string): string {
  const tables: string[] = [];
  let left = MOST;
  for (const [table, rules] of rulesByTable(listing)) {
    const seen = new Set<string>();
    const asked = rules.filter((rule) => {
      const chain = rule.split(' ')[1] ?? '';
      const wanted =
        left > 0 &&
        rule.includes(CHAIN_PREFIX) &&
        isPlain(rule) &&
        !(seen.has(chain) && chain.startsWith(CHAIN_PREFIX));
      if (wanted) left -= 1;
      seen.add(chain);
      return wanted;
    });
    if (asked.length > 0)
      tables.push([`*${table}`, ...asked.map((rule) => rule.replace(/^-A/, '-C')), 'COMMIT', ''].join('\n'));
  }
  return tables.join('');
}

/** A probability is listed rounded, so that the rule would not be found again. */
function isPlain(rule: string): boolean {
  return !rule.includes('--probability');
}

function rulesByTable(listing: string): ReadonlyMap<string, readonly string[]> {
  const tables = new Map<string, string[]>();
  let rules: string[] = [];
  for (const line of listing.split('\n')) {
    if (line.startsWith('*')) {
      rules = [];
      tables.set(line.slice(1).trim(), rules);
    } else if (line.startsWith('-A ')) rules.push(line);
  }
  return tables;
}
