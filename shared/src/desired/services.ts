import { show } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import type { NetworkConfig } from '../model/network.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { FAMILY_NAMES, type Family } from '../net/family.ts';
import type { ServiceIntent } from './intent.ts';
import { type Occupied, vipConflict } from './occupied.ts';
import { byId, exchanged } from './order.ts';
import { NOTHING_READ, type Readings, readAll } from './readings.ts';
import type { Candidate, ServiceReading } from './service.ts';

export interface Services {
  /** Sorted by id; no two of one family claim the same. */
  readonly byFamily: Readonly<Record<Family, readonly ServiceIntent[]>>;
  readonly problems: readonly string[];
}

/** What services are judged by, besides each other. */
export interface Situation {
  readonly facts: HostFacts;
  readonly claimed: readonly Occupied[];
  /** Whether an address of the family may serve NodePorts. */
  readonly nodePorts: Readonly<Record<Family, boolean>>;
}

/** What came of all services of a snapshot. */
interface Judgement {
  /** Equal where services are judged by the same. */
  readonly situation: string;
  readonly readings: Readings;
  readonly byFamily: Services['byFamily'];
  /** By claim, who has it. It passes on to the next judgement, which changes it in place. */
  readonly claims: Readonly<Record<Family, Map<string, string>>>;
  /** Sorted by id. */
  readonly left: readonly LeftOut[];
  /** Whether one of them was left out for another's claim, and so might get it. */
  readonly isContested: boolean;
}

interface LeftOut {
  readonly candidate: Candidate;
  readonly reason: string;
}

/** By network configuration, the last judgement in it. */
const judgements = new WeakMap<NetworkConfig, Judgement>();

/**
 * All services that nothing speaks against, by family. Pure as far as one can see: what it remembers of the last
 * snapshot spares it to look at ten thousand services, sort them and compare their claims when one of them changed.
 */
export function servicesOf(snapshot: Snapshot, situation: Situation): Services {
  const { config } = snapshot;
  const key = JSON.stringify([situation.facts, situation.nodePorts]);
  const known = judgements.get(config);
  const last = known?.situation === key ? known : undefined;
  judgements.delete(config);
  const readings = readAll(snapshot, situation.facts.name, last?.readings ?? NOTHING_READ);
  const followed = follow(last ?? nothingJudged(key), readings, config, situation);
  const next = followed ?? judgeAll(readings, key, config, situation);
  judgements.set(config, next);
  const left = next.left.map(
    ({ candidate, reason }) => `service ${show(candidate.intent.id)} is left out: ${reason}`,
  );
  return { byFamily: next.byFamily, problems: [...readings.problems.list().flat(), ...left] };
}

function nothingJudged(situation: string): Judgement {
  return {
    ...{ situation, readings: NOTHING_READ, left: [], isContested: false },
    byFamily: { ipv4: [], ipv6: [] },
    claims: { ipv4: new Map(), ipv6: new Map() },
  };
}

/** In the order of their ids, so that of two that claim the same the first gets it. */
function judgeAll(
  readings: Readings,
  situation: string,
  config: NetworkConfig,
  { claimed, nodePorts }: Situation,
): Judgement {
  const claims: Judgement['claims'] = { ipv4: new Map(), ipv6: new Map() };
  const byFamily: Record<Family, ServiceIntent[]> = { ipv4: [], ipv6: [] };
  const left: LeftOut[] = [];
  let isContested = false;
  for (const candidate of candidatesOf(readings.all.list()).sort(byCandidate)) {
    const { family } = candidate;
    const lost = () => claim(candidate, claims[family]);
    const unfit = faultOf(candidate, config, claimed);
    const reason = unfit ?? lost();
    if (reason === undefined) byFamily[family].push(intentOf(candidate, nodePorts));
    else left.push({ candidate, reason });
    isContested ||= unfit === undefined && reason !== undefined;
  }
  return { situation, readings, byFamily, claims, left, isContested };
}

/** @returns the same as `judgeAll` would, or undefined where only that can tell */
function follow(
  last: Judgement,
  readings: Readings,
  config: NetworkConfig,
  { claimed, nodePorts }: Situation,
): Judgement | undefined {
  if (last.isContested) return undefined;
  const { claims } = last;
  const changes = readings.all.changesSince(last.readings.all);
  const out = new Set(last.left.map(({ candidate }) => candidate));
  const gone: Record<Family, ServiceIntent[]> = { ipv4: [], ipv6: [] };
  const come: Record<Family, ServiceIntent[]> = { ipv4: [], ipv6: [] };
  for (const candidate of candidatesOf(changes.map(({ before }) => before))) {
    if (out.delete(candidate)) continue;
    for (const one of candidate.claims) claims[candidate.family].delete(one);
    gone[candidate.family].push(candidate.intent);
  }
  const left = last.left.filter(({ candidate }) => out.has(candidate));
  for (const candidate of candidatesOf(changes.map(({ after }) => after))) {
    const reason = faultOf(candidate, config, claimed);
    if (reason !== undefined) left.push({ candidate, reason });
    else if (claim(candidate, claims[candidate.family]) !== undefined) return undefined;
    else come[candidate.family].push(intentOf(candidate, nodePorts));
  }
  left.sort((a, b) => byCandidate(a.candidate, b.candidate));
  const { byFamily } = last;
  return {
    ...{ ...last, readings, left },
    byFamily: {
      ipv4: exchanged(byFamily.ipv4, gone.ipv4, come.ipv4),
      ipv6: exchanged(byFamily.ipv6, gone.ipv6, come.ipv6),
    },
  };
}

function candidatesOf(readings: readonly (ServiceReading | undefined)[]): Candidate[] {
  return readings.flatMap((reading) => reading?.candidates ?? []);
}

/** Why the service cannot be, whatever others there are. */
function faultOf(
  candidate: Candidate,
  config: NetworkConfig,
  claimed: readonly Occupied[],
): string | undefined {
  if (candidate.fault !== undefined) return candidate.fault;
  if (config[candidate.family] === undefined) return `the network has no ${FAMILY_NAMES[candidate.family]}`;
  return vipConflict(candidate, claimed);
}

function byCandidate({ intent: a }: Candidate, { intent: b }: Candidate): number {
  return byId(a, b);
}

/** One service per VIP, protocol and port, and one per NodePort; the first by id keeps it. */
function claim(candidate: Candidate, claims: Map<string, string>): string | undefined {
  for (const one of candidate.claims) {
    const owner = claims.get(one);
    if (owner !== undefined) return `${one} is taken by ${show(owner)}`;
  }
  for (const one of candidate.claims) claims.set(one, candidate.intent.id);
  return undefined;
}

/** By intent, so that what did not change is the same object again. */
const withoutNodePorts = new WeakMap<ServiceIntent, ServiceIntent>();

function intentOf({ intent, family }: Candidate, nodePorts: Situation['nodePorts']): ServiceIntent {
  if (nodePorts[family] || intent.nodePort === undefined) return intent;
  const known = withoutNodePorts.get(intent);
  if (known !== undefined) return known;
  const { nodePort: _, ...rest } = intent;
  withoutNodePorts.set(intent, rest);
  return rest;
}
