import type { EndpointIntent } from '../desired/intent.ts';

/** Clients are told apart by their address's hash modulo this; the most endpoints that affinity can spread them over. */
export const AFFINITY_BUCKETS = 256;

/** By list: `desired/service.ts` hands over the same list as long as nothing in it changes. */
const known = new WeakMap<readonly EndpointIntent[], readonly EndpointIntent[]>();

/**
 * Which endpoint each bucket of clients belongs to, by weighted rendezvous hashing: each endpoint draws a number for
 * each bucket, and the best one has it. That depends on nothing but address, port, weight and the bucket's number, so
 * every host comes to the same, and an endpoint that comes or goes takes or leaves its own buckets only.
 *
 * @returns 256 endpoints; of each as many as its share, give or take a few, as chance has it. Empty for an empty list.
 */
export function rendezvous(endpoints: readonly EndpointIntent[]): readonly EndpointIntent[] {
  const last = known.get(endpoints);
  if (last !== undefined) return last;
  // Equal draws are as good as impossible, yet must not be decided by the order.
  const contestants = endpoints.map(contestantOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  const buckets = Array.from({ length: AFFINITY_BUCKETS }, (_, bucket) => bucket);
  const found = buckets.flatMap((bucket) => winnerOf(contestants, bucket)?.endpoint ?? []);
  known.set(endpoints, found);
  return found;
}

interface Contestant {
  readonly endpoint: EndpointIntent;
  readonly name: string;
  readonly hash: number;
}

function contestantOf(endpoint: EndpointIntent): Contestant {
  const name = `${endpoint.address} ${endpoint.port}`;
  return { endpoint, name, hash: fnv1a(name) };
}

function winnerOf(contestants: readonly Contestant[], bucket: number): Contestant | undefined {
  let [winner] = contestants;
  let least = Number.POSITIVE_INFINITY;
  for (const one of contestants) {
    const drawn = draw(one, bucket);
    if (drawn >= least) continue;
    winner = one;
    least = drawn;
  }
  return winner;
}

/** An exponential variate of rate `weight`: the chance that it is the least of several is its share of their weights. */
function draw({ endpoint, hash }: Contestant, bucket: number): number {
  const uniform = (mix(hash ^ Math.imul(bucket + 1, 0x9e3779b1)) + 0.5) / 2 ** 32;
  return -Math.log(uniform) / endpoint.weight;
}

/** FNV-1a, 32 bits, of ASCII text. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The finaliser of MurmurHash3: each bit of the input flips each bit of the result half of the time. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
