import { CausewayError } from '@causeway/shared/errors';
import { pickFrom, staticBand } from './band.ts';

/**
 * Picks a NodePort that nobody has; of 30000–32767 the first 86 are left to those who choose.
 *
 * @throws CausewayError `exhausted`
 */
export function pickNodePort(
  range: { readonly nodePortMin: number; readonly nodePortMax: number },
  isTaken: (port: number) => boolean,
  random: () => number,
): number {
  const { nodePortMin: first, nodePortMax: last } = range;
  const picked = pickFrom({ first, last, band: staticBand(last - first + 1, 32, 128) }, isTaken, random);
  if (picked !== undefined) return picked;
  throw new CausewayError('exhausted', `allocating a NodePort: every port of ${first}-${last} is taken`, {
    field: 'nodePort',
    value: 'auto',
  });
}
