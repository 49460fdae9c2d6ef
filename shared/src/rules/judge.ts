import type { PolicyIntent, PolicyMatch, PolicySideIntent } from '../desired/intent.ts';
import { blockAt, type Ip, parseBlock, parseIp } from '../net/block.ts';

/** A connection between a host's container and anybody, as the rules see its first packet. */
export interface JudgedConnection {
  /** `tcp`, `udp`, `sctp`, or any other: `icmp`. */
  readonly protocol: string;
  /** Of whoever began it, before he is masqueraded. */
  readonly source: string;
  /** After translation, and so the port; absent where the protocol has none. */
  readonly destination: string;
  readonly port?: number;
  /** As the source sent it: perhaps a VIP. Absent: it was not translated. */
  readonly askedFor?: string;
  readonly askedForPort?: number;
}

/**
 * What both dataplanes do with new connections, as a function: the model that they are tested against, and the judge of
 * connections that stand when a policy changes. What is limited counts as accepted. What the host itself begins passes
 * the rules unasked; such connections are not to be asked about.
 *
 * @param policies of one family or both
 */
export function judgeOf(
  policies: readonly PolicyIntent[],
): (connection: JudgedConnection) => 'accept' | 'refuse' {
  const bySubject = new Map(
    policies.flatMap((policy) => policy.subjects.map((one) => [one, policy] as const)),
  );
  return (one) => {
    const [from, to] = [bySubject.get(one.source)?.egress, bySubject.get(one.destination)?.ingress];
    const refused =
      (from !== undefined && refusesEgress(from, one)) || (to !== undefined && refusesIngress(to, one));
    return refused ? 'refuse' : 'accept';
  };
}

function refusesIngress(side: PolicySideIntent, { protocol, source, port }: JudgedConnection): boolean {
  return refuses(side, { address: source, protocol, port });
}

function refusesEgress(side: PolicySideIntent, one: JudgedConnection): boolean {
  const { protocol, destination, port, askedFor, askedForPort = port } = one;
  if (askedFor !== undefined && isAmong(side.deny, { address: askedFor, protocol, port: askedForPort }))
    return true;
  return refuses(side, { address: destination, protocol, port });
}

interface Peer {
  readonly address: string;
  readonly protocol: string;
  readonly port: number | undefined;
}

function refuses(side: PolicySideIntent, peer: Peer): boolean {
  if (isAmong(side.deny, peer)) return true;
  if (side.default === 'allow') return false;
  return !isAmong(side.allow, peer) && !side.limited.some(({ matches }) => isAmong(matches, peer));
}

/** By length of the prefix, then by the CIDR's first address. */
type Index = ReadonlyMap<number, ReadonlyMap<bigint, readonly PolicyMatch[]>>;

/** By list: a list of ten thousand is asked tens of thousands of times. */
const indexes = new WeakMap<readonly PolicyMatch[], Index>();

function isAmong(matches: readonly PolicyMatch[], { address, protocol, port }: Peer): boolean {
  if (matches.length === 0) return false;
  const ip = parseIp(address);
  if (ip === undefined) return false;
  return at(indexOf(matches), ip).some(
    (match) =>
      match.protocol === undefined ||
      (match.protocol === protocol &&
        (match.firstPort === undefined ||
          (port !== undefined && match.firstPort <= port && port <= (match.lastPort ?? match.firstPort)))),
  );
}

function at(index: Index, ip: Ip): readonly PolicyMatch[] {
  return [...index].flatMap(([length, byBase]) => byBase.get(blockAt(ip, length).base) ?? []);
}

function indexOf(matches: readonly PolicyMatch[]): Index {
  const made = indexes.get(matches);
  if (made !== undefined) return made;
  const index = new Map<number, Map<bigint, PolicyMatch[]>>();
  for (const match of matches) {
    const block = parseBlock(match.cidr);
    if (block === undefined) continue;
    const byBase = index.get(block.length) ?? new Map<bigint, PolicyMatch[]>();
    index.set(block.length, byBase);
    const there = byBase.get(block.base);
    if (there === undefined) byBase.set(block.base, [match]);
    else there.push(match);
  }
  indexes.set(matches, index);
  return index;
}
