import type { Lab } from '@causeway/lab/lab';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { FAMILIES } from '@causeway/shared/net/family';
import { type Fronts, frontsOfIptables, frontsOfNft, placesIn } from './fronts.ts';
import type { Held, RuleLog } from './rule-log.ts';
import { type Filter, frontsOf, type History } from './service-history.ts';

/** What a front did with connections from a moment on. */
export interface Era {
  /** When the transaction began that brought it, and when it was over; milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Undefined: the front was not there. */
  readonly value: string | undefined;
}

/**
 * Compares what every host's kernel held after each of its transactions with etcd's history: it must have been, whole
 * and in each family, what one revision asks for, and never go back to an older one.
 *
 * In the user namespace of a lab the kernel takes no transaction of more than 208 KiB, and agents make such a one in
 * parts (`Ruleset.parts`). Between these, a front may lack places, but still has no wrong one: every place that it leads
 * to is one that its service had at some revision since the last whole state.
 */
export interface KernelChecker {
  /** Reads on. @returns a sentence for each fault since the last call */
  check(): Promise<readonly string[]>;
  /** Filters that do not hold what the last revision asks for; a sentence each. After `check`. */
  behind(): readonly string[];
  /** How many states of kernels were compared, and how many of them were none of the model's but parts of one. */
  readonly states: number;
  readonly parts: number;
  /** What a front of a host did in a time. */
  eras(host: string, family: Filter['family'], front: string, from: number, to: number): readonly Era[];
}

export function createKernelChecker(
  lab: Lab,
  log: RuleLog,
  history: History,
  dataplaneOf: (host: string) => Dataplane,
): KernelChecker {
  const followers = lab.hosts.flatMap((host) =>
    FAMILIES.map((family) => createFollower({ host, family, dataplane: dataplaneOf(host) }, history)),
  );
  let states = 0;
  return {
    check: async () => {
      const news = new Map(lab.hosts.map((host) => [host, log.news(host)]));
      // What a kernel holds was in etcd before.
      await history.follow();
      const faults: string[] = [];
      for (const follower of followers)
        for (const held of news.get(follower.filter.host) ?? []) {
          states += 1;
          const fault = follower.take(read(held.listing, follower.filter), held);
          if (fault !== undefined) faults.push(fault);
        }
      return faults;
    },
    behind: () => followers.flatMap((follower) => follower.behind()),
    get states() {
      return states;
    },
    get parts() {
      return followers.reduce((sum, follower) => sum + follower.parts(), 0);
    },
    eras: (host, family, front, from, to) =>
      followers
        .filter(({ filter }) => filter.host === host && filter.family === family)
        .flatMap((follower) => follower.eras(front, from, to)),
  };
}

function read(listing: string, { family, dataplane }: Filter): Fronts {
  if (dataplane === 'nftables') return frontsOfNft(listing, family);
  // The listings of both families, IPv4 first.
  const [, ipv4 = '', ipv6 = ''] = listing.split(/^\*nat$/m);
  return frontsOfIptables(family === 'ipv4' ? ipv4 : ipv6);
}

/** Most differences that a fault tells. */
const SHOWN = 4;
/** What a file's time may lag behind the clock, and a moment's slack, milliseconds. */
const SLACK_MS = 50;

function setOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  const found = sets.get(key) ?? new Set();
  sets.set(key, found);
  return found;
}

function createFollower(filter: Filter, history: History) {
  /** What the revision asks for that the kernel has reached. */
  let wanted = new Map<string, string>();
  let byService = new Map<string, Fronts>();
  let reached = 0;
  let held: Fronts = new Map();
  const different = new Set<string>();
  const timelines = new Map<string, Era[]>();
  /** Also where its agent died between two: the next one begins from there. */
  let inParts = false;
  let parts = 0;

  /** What `advance` changes. */
  const save = () => ({ reached, wanted: new Map(wanted), byService: new Map(byService) });
  const restore = (saved: ReturnType<typeof save>) => {
    reached = saved.reached;
    wanted = saved.wanted;
    byService = saved.byService;
    different.clear();
    for (const front of new Set([...wanted.keys(), ...held.keys()])) compare(front);
  };
  const compare = (front: string) => {
    if (wanted.get(front) === held.get(front)) different.delete(front);
    else different.add(front);
  };
  const advance = () => {
    const changes = [...(history.revisions[reached]?.services ?? [])].map(
      ([name, stored]) => [name, frontsOf(stored, filter)] as const,
    );
    reached += 1;
    const touched = new Set<string>();
    for (const [name] of changes)
      for (const front of byService.get(name)?.keys() ?? []) {
        wanted.delete(front);
        touched.add(front);
      }
    for (const [name, fronts] of changes) {
      byService.set(name, fronts);
      for (const [front, value] of fronts) {
        wanted.set(front, value);
        touched.add(front);
      }
    }
    for (const front of touched) compare(front);
  };
  /** A sentence when some front leads to a place that its service had at no revision since the last whole state. */
  const wrongPlace = (): string | undefined => {
    const later = history.revisions.slice(reached).flatMap(({ services }) => [...services]);
    const all = [...byService, ...later.map(([name, stored]) => [name, frontsOf(stored, filter)] as const)];
    const had = new Map<string, Set<string>>();
    const owners = new Map<string, Set<string>>();
    for (const [name, fronts] of all) {
      const places = setOf(had, name);
      for (const [front, value] of fronts) {
        setOf(owners, front).add(name);
        for (const place of placesIn(value)) places.add(place);
      }
    }
    for (const [front, value] of held)
      for (const place of front.startsWith('only ') ? [] : placesIn(value))
        if (!place.startsWith('(') && ![...setOf(owners, front)].some((name) => had.get(name)?.has(place)))
          return `${filter.host} ${filter.family}: ${front} leads to ${place}, which it never should`;
    return undefined;
  };
  const tell = () =>
    [...different]
      .slice(0, SHOWN)
      .map((front) => `${front} → ${held.get(front) ?? '-'} instead of ${wanted.get(front) ?? '-'}`);
  const hold = (now: Fronts, from: number, to: number) => {
    const changed = [...now].filter(([front, value]) => held.get(front) !== value).map(([front]) => front);
    const gone = [...held.keys()].filter((front) => !now.has(front));
    held = now;
    for (const front of [...changed, ...gone]) {
      compare(front);
      const line = timelines.get(front) ?? [];
      timelines.set(front, line);
      line.push({ from, to, value: now.get(front) });
    }
  };

  return {
    filter,
    parts: () => parts,
    take: (now: Fronts, { from, to, isPart }: Held): string | undefined => {
      hold(now, from, to);
      const since = history.revisions[reached - 1]?.revision ?? 0;
      const start = save();
      let [least, told] = [different.size, tell()];
      while (different.size > 0 && reached < history.revisions.length) {
        advance();
        if (different.size < least) [least, told] = [different.size, tell()];
      }
      if (different.size === 0) {
        inParts = false;
        return undefined;
      }
      restore(start);
      parts += 1;
      inParts ||= isPart;
      if (inParts) return wrongPlace();
      return `${filter.host} ${filter.family}: held no revision from ${since} on; nearest: ${least} fronts differ: ${told.join('; ')}`;
    },
    behind: (): readonly string[] => {
      while (reached < history.revisions.length) advance();
      return different.size === 0 ? [] : [`${filter.host} ${filter.family}: ${tell().join('; ')}`];
    },
    eras: (front: string, from: number, to: number): readonly Era[] => {
      const line: readonly Era[] = [{ from: 0, to: 0, value: undefined }, ...(timelines.get(front) ?? [])];
      return line.filter((era, i) => {
        const next = line[i + 1];
        return era.from <= to + SLACK_MS && (next === undefined || next.to >= from - SLACK_MS);
      });
    },
  };
}
