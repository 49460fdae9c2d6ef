import type { EndpointView, NodeView, ServiceView } from '../api.ts';
import type { Client } from '../client/client.ts';

/** What one host looks like from outside. */
export interface HostHealth {
  readonly name: string;
  readonly alive: boolean;
  readonly subnet: string;
  readonly dataplane: string;
  /** Services and endpoint sets that its kernel does not hold yet; absent when it has reported nothing. */
  readonly lag?: number;
  readonly appliedInMs?: number;
  readonly problems: readonly string[];
}

export interface ServiceHealth {
  readonly name: string;
  /** True when targets are named and none of them runs; one that names none is empty on purpose. */
  readonly broken: boolean;
  readonly unresolved: readonly string[];
}

export interface ClusterStatus {
  readonly controller: {
    readonly address: string;
    readonly version: string;
    /** What keeps it from working; empty: it is ready. */
    readonly faults: readonly string[];
  };
  readonly etcd: { readonly ok: boolean };
  readonly hosts: readonly HostHealth[];
  readonly services: { readonly count: number; readonly withoutEndpoints: readonly ServiceHealth[] };
  /** Sentences; empty: all is well. */
  readonly degraded: readonly string[];
}

/** Asks the controller for all of it. @throws CausewayError `unreachable` when the controller does not answer */
export async function gatherStatus(client: Client): Promise<ClusterStatus> {
  const [version, ready] = await Promise.all([
    client.get<{ version?: string } | string>('/version'),
    client.ask<unknown>('GET', '/readyz', { query: { verbose: 'true' }, accept: [503] }),
  ]);
  const checks = checksIn(ready.body, ready.status === 200);
  const controller = {
    address: client.server.text,
    version: (typeof version === 'string' ? version : version.version) ?? 'unknown',
    faults: checks.faults,
  };
  if (checks.faults.length > 0)
    return unready(controller, !checks.faults.some((one) => one.startsWith('etcd ')), checks.notes);
  const [nodes, services, endpoints] = await Promise.all([
    client.list<NodeView>('/v1/nodes'),
    client.list<ServiceView>('/v1/services'),
    client.list<EndpointView>('/v1/endpoints'),
  ]);
  const revisions = [...services.items, ...endpoints.items].map((one) => one.revision ?? 0);
  const hosts = nodes.items.map((node) => healthOf(node, revisions));
  const empty = services.items.filter((one) => (one.status?.endpoints ?? one.endpoints.length) === 0);
  const withoutEndpoints = empty.map((one) => ({
    name: one.name,
    broken: one.endpoints.length > 0,
    unresolved: one.status?.unresolved ?? [],
  }));
  return {
    controller,
    etcd: { ok: true },
    hosts,
    services: { count: services.items.length, withoutEndpoints },
    degraded: [...checks.notes, ...faults(hosts, withoutEndpoints)],
  };
}

function healthOf(node: NodeView, revisions: readonly number[]): HostHealth {
  const { name, alive, subnet, dataplane, report } = node;
  if (report === undefined) return { name, alive, subnet, dataplane, problems: [] };
  const held = report.servicesRevision;
  return {
    name,
    alive,
    subnet,
    dataplane,
    lag: new Set(revisions.filter((revision) => revision > held)).size,
    appliedInMs: report.appliedInMs,
    problems: report.problems,
  };
}

function faults(hosts: readonly HostHealth[], services: readonly ServiceHealth[]): string[] {
  const ofHosts = hosts.flatMap(({ name, alive, lag, problems }) => {
    if (!alive) return [`${name} is not alive`];
    if (lag === undefined) return [`${name} has not reported what its kernel holds`];
    const behind = lag > 0 ? [`${name} is ${lag} change${lag > 1 ? 's' : ''} behind`] : [];
    return [...behind, ...problems.map((problem) => `${name}: ${problem}`)];
  });
  const ofServices = services
    .filter((one) => one.broken)
    .map((one) => `none of service ${one.name}’s targets runs`);
  return [...(hosts.length === 0 ? ['no host has joined'] : []), ...ofHosts, ...ofServices];
}

/** Without etcd the lists would be old or missing: nothing is asked for. A key that cannot be read may be the reason. */
function unready(
  controller: ClusterStatus['controller'],
  etcdIsOk: boolean,
  notes: readonly string[],
): ClusterStatus {
  return {
    controller,
    etcd: { ok: etcdIsOk },
    hosts: [],
    services: { count: 0, withoutEndpoints: [] },
    degraded: [...controller.faults.map((fault) => `the controller is not ready: ${fault}`), ...notes],
  };
}

/** The lines of `/readyz?verbose`: `[-]` is a fault, `[!]` worth knowing; what it says of hosts is asked again. */
function checksIn(body: unknown, ready: boolean): { faults: string[]; notes: string[] } {
  const lines = typeof body === 'string' ? body.split('\n') : [];
  const marked = (mark: string): string[] =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  const faults = marked('[-]');
  if (!ready && faults.length === 0) faults.push('it does not say why');
  return { faults, notes: marked('[!]').filter((note) => !note.startsWith('node ')) };
}
