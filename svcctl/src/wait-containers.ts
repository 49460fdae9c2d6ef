import { CausewayError } from '@causeway/shared/errors';
import type { ContainerStatus } from '@causeway/shared/model/container';
import type { ContainerView } from './api.ts';
import type { Client } from './client/client.ts';
import { followUntil, type Patience } from './client/follow-until.ts';
import { formatDuration } from './input/duration.ts';

/** How a command waits for containers. */
export interface ContainerPatience extends Patience {
  /** For so long none may end badly after all have been seen running, milliseconds; default 0. */
  readonly steadyMs?: number;
  /** Hears once of each for which what was waited for has happened. */
  readonly onDone?: ((name: string) => void) | undefined;
}

/** A program that cannot do its work says so within this time, milliseconds. */
export const STEADY_MS = 500;

/**
 * Resolves when each of these containers runs, or has ended well. What becomes of one keeps nobody from waiting for the
 * others.
 *
 * @throws CausewayError `degraded` when one failed, ended badly or is stopped, `timeout` naming those that do not run, and
 *   why; an AggregateError of such when there are several
 */
export async function waitForContainers(
  client: Client,
  names: ReadonlySet<string>,
  { steadyMs = 0, onDone, ...patience }: ContainerPatience,
): Promise<void> {
  const fates = new Map<string, Fate>();
  /** What went wrong first with each: one that fails may be tried again. */
  const faults = new Map<string, CausewayError>();
  const missing = () => [...names].filter((name) => fates.get(name)?.kind !== 'runs' && !faults.has(name));
  const tell = teller(names, onDone);
  const look = (timeoutMs: number, isDone: () => boolean) =>
    followUntil<ContainerView>(client, {
      ...{ timeoutMs, onNote: patience.onNote, isDone },
      path: '/v1/containers',
      keyOf: ({ name }) => name,
      look: (all) => {
        for (const name of names) {
          const fate = fateOf(all.get(name));
          fates.set(name, fate);
          if (fate.kind === 'broken' && !faults.has(name))
            faults.set(name, new CausewayError('degraded', fate.told));
        }
      },
    });
  await look(patience.timeoutMs, () => {
    tell((name) => fates.get(name)?.kind === 'runs');
    return missing().length === 0;
  });
  const late = missing().map((name) => fates.get(name)?.told || name);
  const isOver = () => faults.size === names.size;
  if (late.length === 0 && steadyMs > 0 && !isOver()) await look(steadyMs, isOver);
  const timeout = `waiting for containers to run: not within ${formatDuration(patience.timeoutMs)}: ${late.join(', ')}`;
  const all = [...faults.values(), ...(late.length === 0 ? [] : [new CausewayError('timeout', timeout)])];
  if (all.length > 1) throw new AggregateError(all);
  for (const fault of all) throw fault;
}

/** Tells of each name once, when it is as wanted. */
function teller(names: ReadonlySet<string>, onDone: ContainerPatience['onDone']) {
  const left = new Set(names);
  return (isDone: (name: string) => boolean): void => {
    for (const name of left) {
      if (!isDone(name)) continue;
      left.delete(name);
      onDone?.(name);
    }
  };
}

interface Fate {
  readonly kind: 'runs' | 'waits' | 'broken';
  readonly told: string;
}

/** What becomes of a container. A host that speaks of what was before the definition, or the start, says nothing of it. */
function fateOf(container: ContainerView | undefined): Fate {
  if (container === undefined) return { kind: 'waits', told: '' };
  const { name, host, status, want, generation, revision } = container;
  const what = `container ${name} on ${host}`;
  if (want === 'stopped')
    return { kind: 'broken', told: `${what} is stopped: "svcctl start ${name}" starts it` };
  const isNew = (status?.revision ?? Number.POSITIVE_INFINITY) > revision;
  // One that was started while it still ran is told of no second time.
  if (status?.state === 'running' && (isNew || generation !== undefined)) return { kind: 'runs', told: '' };
  if (!isNew || status === undefined) return { kind: 'waits', told: name };
  const because = status.reason === undefined ? '' : `: ${status.reason}`;
  switch (status.state) {
    case 'exited':
      return status.exitCode === 0
        ? { kind: 'runs', told: '' }
        : {
            kind: 'broken',
            told: `${what} has ended with exit code ${status.exitCode ?? 'unknown'}${because}`,
          };
    case 'failed':
      return { kind: 'broken', told: `${what} does not run: ${status.reason ?? 'no reason was given'}` };
    case 'detached':
      return { kind: 'broken', told: `${what} is detached${because}` };
    default:
      return { kind: 'waits', told: `${name} (${status.state}${because})` };
  }
}

/**
 * Resolves when each of these containers is stopped.
 * @throws CausewayError `timeout` naming those that are not
 */
export async function waitForStops(
  client: Client,
  names: ReadonlySet<string>,
  { onDone, ...patience }: ContainerPatience,
): Promise<void> {
  let left: readonly string[] = [...names];
  const tell = teller(names, onDone);
  await followUntil<ContainerView>(client, {
    ...patience,
    path: '/v1/containers',
    keyOf: ({ name }) => name,
    look: (all) => {
      left = [...names].filter((name) => {
        const found = all.get(name);
        return found !== undefined && MAY_RUN.includes(found.status?.state);
      });
    },
    isDone: () => {
      tell((name) => !left.includes(name));
      return left.length === 0;
    },
  });
  if (left.length === 0) return;
  throw new CausewayError(
    'timeout',
    `waiting for containers to be stopped: not within ${formatDuration(patience.timeoutMs)}: ${left.join(', ')}`,
  );
}

/**
 * A container that failed may be started again at any moment, and one that its host has not spoken of may be about to
 * start, until the host has said that it is stopped.
 */
const MAY_RUN: readonly (ContainerStatus['state'] | undefined)[] = [
  ...(['running', 'starting', 'failed'] as const),
  undefined,
];

/**
 * Resolves when the host of each of these containers has said something of it. Until then it may be making it, and that it
 * says nothing does not mean that it has nothing.
 *
 * @throws CausewayError `timeout` naming those that it has said nothing of
 */
export async function waitForFirstWords(
  client: Client,
  names: ReadonlySet<string>,
  patience: Patience,
): Promise<void> {
  let silent: readonly string[] = [...names];
  await followUntil<ContainerView>(client, {
    ...patience,
    path: '/v1/containers',
    keyOf: ({ name }) => name,
    look: (all) => {
      silent = [...names].flatMap((name) => {
        const found = all.get(name);
        return found === undefined || found.status !== undefined ? [] : [`${name} on ${found.host}`];
      });
    },
    isDone: () => silent.length === 0,
  });
  if (silent.length === 0) return;
  throw new CausewayError(
    'timeout',
    `waiting for hosts to hear of containers: not within ${formatDuration(patience.timeoutMs)}: ${silent.join(', ')}`,
  );
}

/**
 * Resolves when no host has any of these containers any more.
 * @throws CausewayError `timeout` naming those that are left, and where
 */
export async function waitForRemoval(
  client: Client,
  names: ReadonlySet<string>,
  { onDone, ...patience }: ContainerPatience,
): Promise<void> {
  let left: readonly ContainerStatus[] = [];
  const tell = teller(names, onDone);
  const ended = await followUntil<ContainerStatus>(client, {
    ...patience,
    path: '/v1/container-status',
    keyOf: ({ name }) => name,
    look: (all) => {
      left = [...names].flatMap((name) => all.get(name) ?? []);
    },
    isDone: () => {
      tell((name) => left.every((one) => one.name !== name));
      return left.length === 0;
    },
  });
  if (ended === 'done') return;
  const where = left.map(({ name, host }) => `${name} on ${host}`).join(', ');
  throw new CausewayError(
    'timeout',
    `waiting for containers to be gone: not within ${formatDuration(patience.timeoutMs)}: ` +
      (ended === 'untold' ? 'the controller did not tell' : where),
  );
}
