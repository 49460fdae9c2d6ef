import { SET_PREFIXES } from '@causeway/shared/names';
import { type Started, start } from '@causeway/shared/programs/start';
import { askOverAndOver } from './asking.ts';
import type { Running } from './keep-running.ts';

/** Periods, a minute: a program that has not answered by then hangs. */
const MOST_UNANSWERED = 100;
/** Its answer is one line, and so the end of what was asked before it. */
const [END_QUESTION, END] = ['version', /^ipset v/];

/** Of sets of ours, by name: how many elements they have. */
export type SetSizes = ReadonlyMap<string, number>;

/** Tells when somebody else changed sets of ours. */
export interface SetsWatch extends Running {
  /** Announces a change of our own. @returns to be called when it was made, or failed, and what is expected is known */
  expectOwn(): (made: boolean) => void;
}

/**
 * ipset tells nobody of a change, and has no monitor. One `ipset -` is kept running and asked over and over how many elements
 * each set has, which costs no new process: a set that is gone, emptied, or has more or less than it should is noticed at
 * once, one whose elements were exchanged is not.
 *
 * @param expected what should be there; undefined: nothing is known, or nothing is to be asked
 */
export function watchSets(
  expected: () => SetSizes | undefined,
  onForeign: (reason: string) => void,
): SetsWatch {
  let counter: Started | undefined;
  /** Changes of ours so far: an answer to a question from before one says nothing. */
  let changes = 0;
  let asked: { readonly changes: number; readonly sizes: SetSizes } | undefined;
  /** Periods since the question that is open. */
  let unanswered = 0;
  let heard: string[] = [];

  const doubt = (reason: string) => {
    asked = undefined;
    asking.doubt(reason);
  };
  const answered = () => {
    const [question, sizes] = [asked, sizesOf(heard)];
    [asked, heard] = [undefined, []];
    if (question === undefined || question.changes !== changes) return;
    const reason = difference(question.sizes, sizes);
    if (reason !== undefined) doubt(reason);
  };
  const begin = (): Started => {
    heard = [];
    // Into a pipe it would say nothing until it has said much.
    const mine = start('stdbuf', ['-oL', 'ipset', '-'], {
      ...{ writable: true, dieWithParent: true },
      onLine: (line, stream) => {
        if (counter !== mine || stream === 'stderr') return;
        const text = line.replace(/^(ipset> )+/, '');
        if (END.test(text)) answered();
        else heard.push(text);
      },
    });
    mine.exited.then(() => {
      if (counter !== mine) return;
      counter = undefined;
      doubt('ipset, which counts the elements of our sets, has ended');
    });
    return mine;
  };
  const asking = askOverAndOver((isDue) => {
    if (asked !== undefined) {
      unanswered += 1;
      if (unanswered === MOST_UNANSWERED) counter?.kill('SIGKILL');
      return;
    }
    if (!isDue()) return;
    const sizes = expected();
    if (sizes === undefined || sizes.size === 0) return;
    counter ??= begin();
    asked = { changes, sizes };
    unanswered = 0;
    counter.write(`list -t\n${END_QUESTION}\n`);
  }, onForeign);
  return {
    close: () => {
      asking.close();
      counter?.kill();
    },
    expectOwn: () => {
      changes += 1;
      return asking.expectOwn();
    },
  };
}

/** @param lines what `ipset list -t` says, of everybody's sets. @returns ours. Pure. */
export function sizesOf(lines: readonly string[]): SetSizes {
  const sizes = new Map<string, number>();
  let name = '';
  for (const line of lines) {
    name = /^Name: (\S+)$/.exec(line)?.[1] ?? name;
    const size = /^Number of entries: (\d+)$/.exec(line)?.[1];
    if (size !== undefined && Object.values(SET_PREFIXES).some((prefix) => name.startsWith(prefix)))
      sizes.set(name, Number(size));
  }
  return sizes;
}

/** @returns the first that is not as it should be, a sentence. Pure. */
export function difference(expected: SetSizes, found: SetSizes): string | undefined {
  for (const [name, size] of expected) {
    const held = found.get(name);
    if (held === undefined) return `the set ${name} is gone`;
    if (held !== size) return `the set ${name} has ${held} elements, and should have ${size}`;
  }
  const foreign = [...found.keys()].find((name) => !expected.has(name));
  return foreign === undefined ? undefined : `the set ${foreign} is none that we made`;
}
