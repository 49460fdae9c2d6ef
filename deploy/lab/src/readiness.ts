import { existsSync, readFileSync } from 'node:fs';
import { CausewayError } from '@causeway/shared/errors';
import type { Api, ContainerView, NodeView } from './api.ts';
import { assertRunning, logTail, type Place, running } from './daemons.ts';
import { waitFor } from './pids.ts';
import { isWebContainer, WEB_PORT } from './workloads.ts';

/** What is asked to find out whether the cluster is whole. */
export interface Watched {
  readonly api: Api;
  readonly hosts: readonly string[];
  /** How many address families the containers have. */
  readonly families: number;
  /** Whether hosts behind the router may be unreachable, as host-gw without a fallback leaves them. */
  readonly partial: boolean;
  placeOf(member: string): Place;
}

/**
 * Waits until every agent has reported since its start and has routes to all peers that it can have one to, and every
 * container of the lab itself serves.
 *
 * @throws CausewayError `timeout` with what is lacking, `command-failed` when a daemon has ended by itself
 */
export async function waitReady(watched: Watched, timeoutMs: number): Promise<void> {
  await waitController(watched, timeoutMs);
  await waitNodes(watched, timeoutMs);
  await waitContainers(watched, timeoutMs);
}

/** Waits until the controller answers that it and etcd are ready. */
export async function waitController(watched: Watched, timeoutMs: number): Promise<void> {
  const place = watched.placeOf('host-1');
  const lacking = 'the controller is not ready';
  await waitForFact(watched, [[place, 'controller']], timeoutMs, async () => {
    const { status } = await watched.api.ask('GET', '/readyz');
    return status === 200 ? undefined : lacking;
  });
}

export async function waitNodes(watched: Watched, timeoutMs: number): Promise<void> {
  const agents = watched.hosts.map((host): [Place, string] => [watched.placeOf(host), 'agent']);
  await waitForFact(watched, agents, timeoutMs, async () => {
    const nodes = await watched.api.list<NodeView>('/v1/nodes');
    for (const host of watched.hosts) {
      const lack = lackOfNode(
        host,
        nodes.find((node) => node.name === host),
        watched,
      );
      if (lack !== undefined) return lack;
    }
    return undefined;
  });
}

export async function waitContainers(watched: Watched, timeoutMs: number): Promise<void> {
  await waitForFact(watched, [], timeoutMs, async () => {
    for (const container of await watched.api.list<ContainerView>('/v1/containers')) {
      // What others run may end, wait or listen as it likes.
      if (!isWebContainer(container)) continue;
      const lack = lackOfContainer(container, watched.placeOf(container.host).init);
      if (lack !== undefined) return lack;
    }
    return undefined;
  });
}

function lackOfNode(host: string, node: NodeView | undefined, watched: Watched): string | undefined {
  if (node === undefined) return `${host} has not registered`;
  if (!node.alive) return `${host} is not alive`;
  const since = running(watched.placeOf(host), 'agent')?.startedAt ?? 0;
  if (node.report === undefined || Date.parse(node.report.at) < since)
    return `${host} has not reported since its agent started`;
  const { peersWanted, peersInstalled, peers } = node.report;
  const excused = watched.partial ? peers.filter(({ state }) => state === 'unreachable').length : 0;
  const wanted = Math.max(peersWanted, (watched.hosts.length - 1) * watched.families);
  if (peersInstalled + excused < wanted)
    return `${host} has routes to ${peersInstalled} of ${wanted} subnets of peers`;
  return undefined;
}

function lackOfContainer({ name, host, status }: ContainerView, init: number): string | undefined {
  if (status === undefined) return `${name} has not been started by ${host}`;
  if (status.state !== 'running' || status.pid === undefined)
    return `${name} is ${status.state} on ${host}: ${status.reason ?? 'no reason given'}`;
  return listens(init, status.pid, WEB_PORT) ? undefined : `${name} does not listen on port ${WEB_PORT}`;
}

/** Whether anything listens on a TCP port in the network namespace of a process of the lab. */
function listens(init: number, pid: number, port: number): boolean {
  const wanted = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A `);
  return ['tcp', 'tcp6'].some((table) => {
    const path = `/proc/${init}/root/proc/${pid}/net/${table}`;
    return existsSync(path) && wanted.test(readFileSync(path, 'utf8'));
  });
}

/** @param find what is lacking; undefined when nothing is */
async function waitForFact(
  watched: Watched,
  daemons: readonly [Place, string][],
  timeoutMs: number,
  find: () => Promise<string | undefined>,
): Promise<void> {
  let lacking = '';
  const ask = async () => {
    for (const [place, name] of [[watched.placeOf('host-1'), 'controller'] as const, ...daemons])
      assertRunning(place, name);
    lacking =
      (await find().catch((error: unknown) => {
        if (error instanceof CausewayError && error.code === 'unreachable') return error.message;
        throw error;
      })) ?? '';
    return lacking === '' ? true : undefined;
  };
  await waitFor(ask, timeoutMs, () => {
    const culprit = daemons.find(([place]) => lacking.startsWith(`${place.member} `)) ?? daemons[0];
    const [place, name] = culprit ?? [watched.placeOf('host-1'), 'controller'];
    return `${lacking}\nthe end of the log of the ${name} on ${place.member}:\n${logTail(place, name)}`;
  });
}
