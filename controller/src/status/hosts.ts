import { EVENT_KINDS, type EventKind, type NodeEvent } from '@causeway/shared/model/event';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { missingPeers, nodes } from '../objects/node.ts';
import type { EventCount, HostStatus } from '../objects/status.ts';
import type { Stored, Tables } from '../view/tables.ts';
import type { LastWord } from './last-words.ts';
import { waitingSentences } from './waiting.ts';

export interface HostsInput {
  readonly tables: Tables;
  /** The configuration that hosts follow; undefined: there is none yet. */
  readonly config: NetworkConfig | undefined;
  readonly words: ReadonlyMap<string, LastWord>;
  /** Of the newest change of the network's configuration or leases. */
  readonly networkRevision: number;
  /** Whether etcd is followed: without it nobody knows who is alive. */
  readonly known: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const HOUR_MS = 3_600_000;

/** Each host as it looks from here, by name. */
export function hostStatuses(input: HostsInput): readonly HostStatus[] {
  const revisions = serviceRevisions(input.tables);
  const events = recentEvents(input.tables, input.now);
  const waiting = waitingSentences(input.tables, input.config);
  const rows = [...input.tables.node].sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.map(([name, row]) => ({
    ...hostStatus(name, row, input),
    ...reportStatus(name, revisions, input),
    waiting: waiting.get(name) ?? [],
    events: countEvents(events.get(name) ?? []),
  }));
}

export function countEvents(events: readonly NodeEvent[]): EventCount {
  const warnings = events.filter(({ severity }) => severity === 'warning').length;
  const kinds: { [K in EventKind]?: number } = {};
  for (const kind of EVENT_KINDS) {
    const count = events.filter((event) => event.kind === kind).length;
    if (count > 0) kinds[kind] = count;
  }
  return { warnings, infos: events.length - warnings, kinds };
}

/** Events of the last hour by host. */
export function recentEvents(tables: Tables, now: number): ReadonlyMap<string, readonly NodeEvent[]> {
  const since = new Date(now - HOUR_MS).toISOString();
  const found = new Map<string, NodeEvent[]>();
  for (const { value } of tables.event.values()) {
    if (value.at < since) continue;
    const own = found.get(value.node) ?? [];
    own.push(value);
    found.set(value.node, own);
  }
  return found;
}

function hostStatus(name: string, row: Stored<NodeRecord>, { tables, words, known }: HostsInput) {
  const node = nodes.present(row, name, tables);
  const { publicIp, publicIpv6, subnet, subnetIpv6, reservations, dataplane, cordoned, drained } = node;
  const { ageSeconds, goneSeconds, leaseLeftSeconds } = words.get(name) ?? {};
  return {
    name,
    state: !known ? ('unknown' as const) : node.alive ? ('alive' as const) : ('dead' as const),
    alive: known && node.alive,
    ...given({ publicIp, publicIpv6, subnet, subnetIpv6 }),
    ...given({ goneSeconds, leaseLeftSeconds, lastWordSeconds: node.alive ? ageSeconds : undefined }),
    reservations,
    dataplane,
    cordoned,
    drained,
  };
}

function reportStatus(name: string, revisions: readonly number[], { tables, networkRevision }: HostsInput) {
  const report = tables.report.get(name)?.value;
  if (report === undefined) return { problems: [] };
  const isBehind = report.networkRevision < networkRevision;
  return {
    lag: countAbove(revisions, report.servicesRevision),
    ...(isBehind ? { pendingRevision: networkRevision } : {}),
    networkRevision: report.networkRevision,
    appliedInMs: report.appliedInMs,
    peers: {
      wanted: report.peersWanted,
      installed: report.peersInstalled,
      missing: missingPeers(report),
    },
    problems: report.problems,
    repairs: report.repairs,
    reportedAt: report.at,
  };
}

/** The revisions of services and endpoint sets, each once, ascending: a thousand hosts are compared with them. */
function serviceRevisions(tables: Tables): readonly number[] {
  const all = [...tables.service.values(), ...tables.endpoints.values()].map(({ revision }) => revision);
  return [...new Set(all)].sort((a, b) => a - b);
}

function countAbove(sorted: readonly number[], held: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) > held) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}

/** Leaves out what is undefined. */
function given<T extends Record<string, string | number | undefined>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const found: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const key of Object.keys(values) as (keyof T)[]) {
    const value = values[key];
    if (value !== undefined) found[key] = value as Exclude<T[typeof key], undefined>;
  }
  return found;
}
