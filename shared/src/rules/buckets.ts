import type { EndpointIntent } from '../desired/intent.ts';
import { safe } from './safe.ts';

/** A list that is longer than this, which only weights make, is cut down to it: shares become the nearest that fit. */
const MAX_BUCKETS = 256;

/**
 * What a random number is looked up in: each endpoint as often as its weight says, with the greatest common divisor of
 * the weights taken out, in the order of the endpoints. At most 256 buckets, or one for each of more endpoints; then
 * the largest remainders win, and nobody goes without.
 */
export function bucketsOf(endpoints: readonly EndpointIntent[]): readonly EndpointIntent[] {
  if (isEven(endpoints)) return endpoints;
  const shares = sharesOf(endpoints);
  return endpoints.flatMap((endpoint, i) => Array.from({ length: shares[i] ?? 0 }, () => endpoint));
}

/** The length of that list. */
export function bucketCount(endpoints: readonly EndpointIntent[]): number {
  if (isEven(endpoints)) return endpoints.length;
  return sharesOf(endpoints).reduce((sum, share) => sum + share, 0);
}

/** Nearly all services: no arithmetic for them. */
function isEven(endpoints: readonly EndpointIntent[]): boolean {
  for (const { weight } of endpoints) if (weight !== endpoints[0]?.weight) return false;
  return true;
}

function sharesOf(endpoints: readonly EndpointIntent[]): readonly number[] {
  const weights = endpoints.map(({ weight }) => safe.weight(weight));
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const shares = weights.map((weight) => weight / divisor);
  const most = Math.max(MAX_BUCKETS, endpoints.length);
  return shares.reduce((sum, share) => sum + share, 0) <= most ? shares : apportion(shares, most);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Divides `seats` in proportion to the weights by largest remainder, at least one each. */
function apportion(weights: readonly number[], seats: number): readonly number[] {
  const quotas = quotasOf(weights, seats);
  const shares = quotas.map(Math.floor);
  const left = seats - shares.reduce((sum, share) => sum + share, 0);
  const byRemainder = quotas
    .map((quota, i) => ({ i, remainder: quota - Math.floor(quota) }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder.slice(0, left)) shares[i] = (shares[i] ?? 0) + 1;
  return shares;
}

/** Exact shares. Whoever would get less than one gets one, and the others divide what is left. */
function quotasOf(weights: readonly number[], seats: number): readonly number[] {
  const small = new Set<number>();
  for (;;) {
    const total = weights.reduce((sum, weight, i) => sum + (small.has(i) ? 0 : weight), 0);
    const quotas = weights.map((weight, i) => (small.has(i) ? 1 : (weight * (seats - small.size)) / total));
    const below = quotas.flatMap((quota, i) => (quota < 1 ? [i] : []));
    if (below.length === 0) return quotas;
    for (const i of below) small.add(i);
  }
}
