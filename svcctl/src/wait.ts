import { CausewayError } from '@causeway/shared/errors';
import type { NodeView } from './api.ts';
import type { Client } from './client/client.ts';
import { followUntil } from './client/follow-until.ts';
import { formatDuration } from './input/duration.ts';

export type Followed = 'services' | 'policies';

export interface Waiting {
  /** What was written: hosts follow services and policies apart. */
  readonly what: Followed;
  /** etcd's revision of the write. */
  readonly revision: number;
  readonly timeoutMs: number;
  /** The clock, milliseconds; hosts' times count from the call of `waitForHosts`. */
  readonly now: () => number;
  /** Called once for each host, when its kernel is first seen to hold the revision. */
  readonly onHost: (name: string, milliseconds: number) => void;
  readonly onNote: (sentence: string) => void;
}

/**
 * Resolves when the kernel of every host that is alive holds `revision`; a host that has reported nothing yet lags.
 * @throws CausewayError `timeout` naming the hosts that lag, `degraded` when no host is alive
 */
export async function waitForHosts(client: Client, waiting: Waiting): Promise<void> {
  const started = waiting.now();
  let nodes: ReadonlyMap<string, NodeView> = new Map();
  const told = new Set<string>();
  const ended = await followUntil<NodeView>(client, {
    path: '/v1/nodes',
    keyOf: (node) => node.name,
    timeoutMs: waiting.timeoutMs,
    look: (all) => {
      nodes = all;
      for (const node of nodes.values())
        if (node.alive && holds(node, waiting) && !told.has(node.name)) {
          told.add(node.name);
          waiting.onHost(node.name, waiting.now() - started);
        }
    },
    isDone: () => lagging(nodes, waiting).length === 0,
    onNote: waiting.onNote,
  });
  if (ended !== 'done') throw tooLate(nodes, ended === 'late', waiting);
  const dead = [...nodes.values()].filter((node) => !node.alive).map((node) => node.name);
  if (dead.length > 0) waiting.onNote(`not waited for, because not alive: ${dead.sort().join(', ')}`);
  if (told.size === 0)
    throw new CausewayError('degraded', `no host is alive: no kernel holds revision ${waiting.revision}`);
}

type Goal = Pick<Waiting, 'what' | 'revision'>;

function heldBy({ report }: NodeView, what: Followed): number | undefined {
  return what === 'services' ? report?.servicesRevision : report?.policiesRevision;
}

function holds(node: NodeView, { what, revision }: Goal): boolean {
  return (heldBy(node, what) ?? -1) >= revision;
}

function lagging(nodes: ReadonlyMap<string, NodeView>, goal: Goal): NodeView[] {
  return [...nodes.values()].filter((node) => node.alive && !holds(node, goal));
}

function tooLate(nodes: ReadonlyMap<string, NodeView>, synced: boolean, waiting: Waiting): CausewayError {
  const behind = lagging(nodes, waiting)
    .map((node) => {
      const held = heldBy(node, waiting.what);
      if (held !== undefined) return `${node.name} (at revision ${held})`;
      return `${node.name} (${node.report === undefined ? 'no report' : `it knows nothing of ${waiting.what}`})`;
    })
    .sort();
  const whom =
    !synced || behind.length === 0 ? 'the controller did not tell' : `still behind: ${behind.join(', ')}`;
  return new CausewayError(
    'timeout',
    `waiting for every host to hold revision ${waiting.revision}: ` +
      `not within ${formatDuration(waiting.timeoutMs)}, ${whom}`,
  );
}
