import { CHAIN_PREFIX } from '@causeway/shared/names';
import { type Started, start } from '@causeway/shared/run';
import type { RuleWatch } from './nft-monitor.ts';

/** How often the rules are asked for, milliseconds; a flush must be mended within a second. */
const PERIOD_MS = 700;
/** Pause after a rule was gone, for the repair. */
const AGAIN_MS = 1_000;
/** Most rules that are asked for. */
const MOST = 64;

/**
 * iptables-legacy tells nobody of a change. One `iptables-legacy-restore --test` is kept running and asked every
 * 700 ms whether some of our rules are there (`-C`); it ends at the first that is not. That costs no new process
 * and some microseconds each time.
 */
export function watchLegacy(list: () => Promise<string>, onForeign: (reason: string) => void): RuleWatch {
  let closed = false;
  let program: Started | undefined;
  let question = '';
  let timer: NodeJS.Timeout | undefined;

  const sing = () => {
    if (question !== '') program?.write(question);
    timer = setTimeout(sing, PERIOD_MS);
    timer.unref();
  };
  const begin = async () => {
    question = canaryQuestion(await list().catch(() => ''));
    if (closed || program !== undefined || question === '') return;
    const mine = start('iptables-legacy-restore', ['--noflush', '--test', '--wait', '1'], {
      writable: true,
      dieWithParent: true,
    });
    program = mine;
    mine.exited.then(() => {
      program = undefined;
      if (closed) return;
      onForeign('a rule of ours is gone from iptables-legacy');
      setTimeout(begin, AGAIN_MS).unref();
    });
  };
  sing();
  void begin();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      program?.kill();
    },
    // A change of ours that removes a rule which is asked for costs one look too many, no more.
    expectOwn: () => () => {
      if (program === undefined) void begin();
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
