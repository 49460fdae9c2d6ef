import { invalid } from '@causeway/shared/errors';
import { parseSuffixed } from './suffix.ts';

/** An endpoint as it is sent to the controller. */
export interface TargetInput {
  readonly to: string;
  readonly weight?: number;
}

const MAX_WEIGHT = 100;
const NO_WEIGHT = `is not a weight: a whole number from 0 to ${MAX_WEIGHT}`;

/**
 * Parses `web-1:80` or `web-1:80,weight=3`. Where it leads is the controller's to say.
 *
 * @param flag the flag or argument that it is the value of, for the sentence
 * @throws CausewayError `invalid`
 */
export function parseTarget(flag: string, text: string): TargetInput {
  const { head, said } = parseSuffixed(flag, text, ['weight']);
  if (head === '') throw invalid(flag, text, 'is empty');
  if (said.weight === undefined) return { to: head };
  const weight = weightIn(said.weight);
  if (weight === undefined)
    throw invalid(flag, text, `has ${JSON.stringify(said.weight)}, which ${NO_WEIGHT}`);
  return { to: head, weight };
}

/** @throws CausewayError `invalid` */
export function parseWeight(text: string): number {
  const weight = weightIn(text);
  if (weight === undefined) throw invalid('weight', text, NO_WEIGHT);
  return weight;
}

function weightIn(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= MAX_WEIGHT ? Number(text) : undefined;
}
