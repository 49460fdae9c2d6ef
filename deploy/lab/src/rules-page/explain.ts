import { CausewayError } from '@causeway/shared/errors';
import type { ListedMap } from './listing.ts';
import { type Example, shapeOf } from './shape.ts';

/** Sentences by chain and shape, or by a map's shape. */
export type Words = Readonly<Record<string, string>>;

/** A chain's place in the order of the page. */
export interface Station {
  /** Its name's shape. */
  readonly chain: string;
  /** Who comes here, and why there is such a chain. */
  readonly says: string;
}

/**
 * By what a rule's explanation is found: its chain and its shape, so that a rule that has changed in anything but the
 * example's names has none any more.
 *
 * @param chain with its table where it has one: `services`, `nat CWY-SERVICES`
 */
export function keyOfRule(chain: string, rule: string, example: Example): string {
  return `${shapeOf(chain, example)}: ${shapeOf(rule, example)}`;
}

export function keyOfMap({ declaration }: ListedMap, example: Example): string {
  return shapeOf(declaration, example);
}

/**
 * What it is for, and why.
 *
 * @throws CausewayError `not-found` with what to add where
 */
export function explain(words: Words, key: string): string {
  const found = words[key];
  if (found !== undefined) return found;
  const place = 'deploy/lab/src/rules-page/words';
  throw new CausewayError(
    'not-found',
    `explaining a rule for docs/rules.md: ${place} has no sentence for "${key}"`,
  );
}
