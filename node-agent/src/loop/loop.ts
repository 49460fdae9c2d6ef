import type { DesiredHost } from '@causeway/shared/desired/host';
import { desiredHost } from '@causeway/shared/desired/index';
import { messageOf } from '@causeway/shared/errors';
import type { NodeReport } from '@causeway/shared/model/node';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import type { Place } from '../cluster/place.ts';
import type { ClusterView } from '../cluster/view.ts';
import type { HostInfo } from '../kernel/kernel.ts';
import type { Logger } from '../logger.ts';
import type { ContainerKeeper } from './container-keeper.ts';
import type { Converger, Round, Suspicion } from './converge.ts';
import { createPace } from './pace.ts';
import type { Reporter } from './reporter.ts';
import { createTurns } from './turns.ts';

export interface Loop {
  /** Something in etcd changed: apply it, trusting what is remembered of the kernel. */
  changed(): void;
  /** Somebody may have changed the kernel: look at that part soon. */
  suspect(part: 'network' | 'firewall', reason: string): void;
  /** Look at everything. */
  resync(): void;
  stop(): Promise<void>;
}

export interface LoopDeps {
  readonly name: string;
  readonly view: () => ClusterView;
  readonly place: Place;
  readonly converger: Converger;
  readonly keeper: ContainerKeeper;
  readonly reporter: Reporter;
  readonly log: Logger;
  /** The host's link and addresses as they are. */
  readonly host: (known: HostInfo) => Promise<HostInfo>;
  readonly resyncSeconds: number;
}

const EVERYTHING: Suspicion = { network: true, firewall: true, leftovers: true };
const NOTHING: Suspicion = { network: false, firewall: false, leftovers: false };
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
/** Looking at everything may take this part of the time at most. */
const RESYNC_SHARE = 0.005;

/** The agent's loop: one round at a time, each from the newest snapshot. */
export function createLoop(deps: LoopDeps, initial: HostInfo): Loop {
  const { log } = deps;
  const pace = createPace();
  const memory = createMemory(deps);
  let host = initial;
  let due: Suspicion = EVERYTHING;
  let since: number | undefined;
  let retryMs = RETRY_MIN_MS;
  let resyncTimer: NodeJS.Timeout | undefined;

  const turns = createTurns(async () => {
    const asked = due;
    const startedAt = performance.now();
    const from = since ?? startedAt;
    since = undefined;
    try {
      const built = deps.view().read();
      memory.unreadable(built?.problems ?? []);
      // Until everything was read once, the kernel is left as it is.
      if (built?.snapshot === undefined) return;
      due = NOTHING;
      if (asked.network) host = await refresh(host);
      const desired = desiredHost(built.snapshot, host.facts, deps.place.subnet);
      const round = await deps.converger.round(desired, asked);
      const now = performance.now();
      if (round.repairs > 0) pace.repaired(now);
      memory.settle(built.snapshot, desired, round, now - from, built.unknownContainers);
      // What broke the network may have broken the containers' links, which are put right on a whole one only.
      if (round.repairs > 0 || asked === EVERYTHING) deps.keeper.look();
      if (isWhole(round)) retryMs = RETRY_MIN_MS;
      else again(round.networkHeld ? { ...NOTHING, firewall: true } : EVERYTHING);
      if (asked !== EVERYTHING) return;
      deps.place.verify();
      deps.reporter.verify();
      armResync(now - startedAt);
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'the kernel could not be looked at; trying again');
      again(asked);
      if (asked === EVERYTHING) armResync(0);
    }
  });

  async function refresh(known: HostInfo): Promise<HostInfo> {
    try {
      const found = await deps.host(known);
      memory.hostProblem(undefined);
      return found;
    } catch (error) {
      memory.hostProblem(messageOf(error));
      return known;
    }
  }
  function again(suspicion: Suspicion): void {
    due = both(due, suspicion);
    turns.wake(retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
  function wake(suspicion: Suspicion, delay: number): void {
    due = both(due, suspicion);
    since ??= performance.now();
    turns.wake(delay);
  }
  function armResync(tookMs: number): void {
    clearTimeout(resyncTimer);
    const pause = Math.max(deps.resyncSeconds * 1_000, tookMs / RESYNC_SHARE);
    resyncTimer = setTimeout(() => wake(EVERYTHING, 0), pause);
  }

  return {
    changed: () => wake(NOTHING, 0),
    suspect: (part, reason) => {
      log.debug({ part, reason }, 'a hint that the kernel changed');
      wake({ ...NOTHING, [part]: true }, pace.delay());
    },
    resync: () => wake(EVERYTHING, 0),
    stop: () => {
      clearTimeout(resyncTimer);
      return turns.stop();
    },
  };
}

function both(a: Suspicion, b: Suspicion): Suspicion {
  if (a === EVERYTHING || b === EVERYTHING) return EVERYTHING;
  return {
    network: a.network || b.network,
    firewall: a.firewall || b.firewall,
    leftovers: a.leftovers || b.leftovers,
  };
}

function isWhole(round: Round): boolean {
  return round.fates.every(({ fate }) => fate === 'done');
}

/** Most steps that one line of the log repeats. */
const SHOWN_STEPS = 20;

/** What has been reached so far, and how it is told: to the log, to etcd, to the containers. */
function createMemory({ name, place, keeper, reporter, log }: LoopDeps) {
  let servicesRevision = 0;
  let networkRevision = 0;
  let repairs = 0;
  let unreadable: readonly string[] = [];
  let hostProblem: string | undefined;
  let told = '';

  function tellProblems(problems: readonly string[]): void {
    const text = problems.join('\n');
    if (text !== told && problems.length > 0) log.warn({ problems }, 'not all is well');
    if (text !== told && problems.length === 0) log.info('all is well again');
    told = text;
  }
  function logRound(round: Round, ms: number, revision: number): void {
    if (round.steps.length === 0) return;
    const steps = round.steps.slice(0, SHOWN_STEPS).map((step) => step.text);
    const more = round.steps.length - steps.length;
    const failed = round.fates.filter(({ fate }) => fate !== 'done').length;
    const line = {
      steps,
      ...(more > 0 ? { more } : {}),
      ...(failed > 0 ? { failed } : {}),
      revision,
      ms: Math.round(ms),
    };
    log.info(line, round.repairs > 0 ? 'repaired the kernel' : 'changed the kernel');
  }
  return {
    unreadable: (problems: readonly string[]) => {
      unreadable = problems;
    },
    hostProblem: (problem: string | undefined) => {
      hostProblem = problem;
    },
    settle: (
      snapshot: Snapshot,
      desired: DesiredHost,
      round: Round,
      ms: number,
      spared: readonly string[],
    ) => {
      if (round.firewallHeld) servicesRevision = snapshot.servicesRevision;
      if (round.networkHeld) networkRevision = snapshot.networkRevision;
      repairs += round.repairs;
      logRound(round, ms, snapshot.servicesRevision);
      const doubts = [place.problem(), hostProblem].filter((text) => text !== undefined);
      const problems = [...doubts, ...unreadable, ...desired.problems, ...round.problems];
      tellProblems(problems);
      const report: NodeReport = {
        ...{ name, servicesRevision, networkRevision, repairs, problems },
        peers: round.peers,
        appliedInMs: Math.round(ms * 10) / 10,
        at: new Date().toISOString(),
      };
      reporter.report(report);
      const gateway = desired.bridge.address.split('/')[0] ?? '';
      const { name: bridge, mtu } = desired.bridge;
      if (round.networkHeld)
        keeper.want(snapshot.containers, { subnet: desired.firewall.subnet, gateway, bridge, mtu }, spared);
    },
  };
}
