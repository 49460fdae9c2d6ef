/**
 * Chooses the host that asks for the health of a place which no host of ours has: each place goes to the host that
 * draws the highest number for it (rendezvous hashing), so every controller chooses the same one, and a host that
 * comes or goes moves no other places than its own.
 *
 * @param hosts those that are alive
 * @returns undefined when there is none
 */
export function checkerOf(place: string, hosts: readonly string[]): string | undefined {
  const seed = hashOf(place);
  let best: string | undefined;
  let highest = -1;
  for (const host of hosts) {
    const score = mixed(seed ^ hashOf(host));
    // Equal numbers are drawn once in four thousand million; the name decides then, whatever the order.
    if (score < highest || (score === highest && best !== undefined && best < host)) continue;
    best = host;
    highest = score;
  }
  return best;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The last step of MurmurHash3: every bit of the input reaches every bit of the result. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
