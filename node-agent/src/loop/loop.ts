import { isDeepStrictEqual } from 'node:util';
import { desiredHost } from '@causeway/shared/desired/index';
import { messageOf } from '@causeway/shared/errors';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import type { ClusterView } from '../cluster/view.ts';
import type { HealthChecks } from '../health-checks/health-checks.ts';
import type { HostInfo, WatchFocus } from '../kernel/kernel.ts';
import { isFirewallStep } from '../plan/step.ts';
import type { RoundEnd, RuleGate } from './address-gate.ts';
import type { Converger, Round, Suspicion } from './converge.ts';
import { createMemory, type LoopState, type MemoryDeps } from './loop-memory.ts';
import { createPace } from './pace.ts';
import { reasonOf } from './peers.ts';
import { createTurns } from './turns.ts';

export interface Loop {
  /** Something in etcd changed: apply it, trusting what is remembered of the kernel. */
  changed(): void;
  /** Somebody may have changed the kernel: look at that part soon. */
  suspect(part: 'network' | 'firewall', reason: string): void;
  /** Look at everything. */
  resync(): void;
  /** What has been reached so far. */
  state(): LoopState;
  stop(): Promise<void>;
}

export interface LoopDeps extends MemoryDeps {
  readonly view: () => ClusterView;
  readonly converger: Converger;
  readonly gate: Pick<RuleGate, 'local' | 'settled'>;
  /** Notes what a later life of the agent begins with. */
  readonly remember: (snapshot: Snapshot) => void;
  readonly healthChecks: Pick<HealthChecks, 'want' | 'verify' | 'problem'>;
  /** The host's link and addresses as they are. */
  readonly host: () => Promise<HostInfo>;
  /** What the kernel's monitors must look out for from here on. */
  readonly focus: (focus: WatchFocus) => void;
  readonly resyncSeconds: number;
}

const EVERYTHING: Suspicion = { network: true, firewall: true };
const NOTHING: Suspicion = { network: false, firewall: false };
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
/** Looking at everything may take this part of the time … */
const RESYNC_SHARE = 0.001;
/** … but a busy machine, on which a look takes long, is looked at all the same: the longest pause, in usual ones. */
const RESYNC_STRETCH = 3;

/** The agent's loop: one round at a time, each from the newest snapshot. */
export function createLoop(deps: LoopDeps, initial: HostInfo): Loop {
  const { log, place } = deps;
  const pace = createPace();
  const memory = createMemory(deps);
  let host = initial;
  let due: Suspicion = EVERYTHING;
  let since: number | undefined;
  let retryMs = RETRY_MIN_MS;
  /** What is tried again, and when. A change that comes before then is applied at once, without its look at everything. */
  let retry: { readonly suspicion: Suspicion; readonly at: number } | undefined;
  let resyncTimer: NodeJS.Timeout | undefined;

  const turns = createTurns(async () => {
    const startedAt = performance.now();
    // Timers may be a millisecond early.
    if (retry !== undefined && retry.at <= startedAt + 1) {
      due = both(due, retry.suspicion);
      retry = undefined;
    }
    const asked = due;
    const from = since ?? startedAt;
    since = undefined;
    memory.begin(startedAt);
    try {
      const whole = await round(asked, from);
      if (whole === undefined) return;
      if (whole) retryMs = RETRY_MIN_MS;
      if (asked === EVERYTHING) afterLook(performance.now() - startedAt);
    } catch (error) {
      memory.failed(messageOf(error));
      log.error({ reason: messageOf(error) }, 'the kernel could not be looked at; trying again');
      again(asked);
      if (asked === EVERYTHING) armResync(0);
    } finally {
      memory.end(performance.now());
      if (retry !== undefined) turns.wake(retry.at - performance.now());
    }
  });

  /** @returns whether everything is as it should be; undefined: nothing was done, for want of a snapshot */
  async function round(asked: Suspicion, from: number): Promise<boolean | undefined> {
    const built = deps.view().read();
    memory.unreadable(built?.problems ?? []);
    // Until everything was read once, the kernel is left as it is.
    if (built?.snapshot === undefined) return undefined;
    due = NOTHING;
    const refreshed = asked.network ? refresh(host) : undefined;
    const { snapshot } = built;
    deps.remember(snapshot);
    // What has just come is asked at once; that waits until the rules are on their way.
    deps.healthChecks.want(snapshot);
    const subnets = place.subnets();
    const local = deps.gate.local({ snapshot, unknownPolicies: built.unknownPolicies });
    const desired = desiredHost(snapshot, host.facts, subnets, local);
    deps.focus({ iface: host.facts.iface, sysctls: Object.keys(desired.sysctls) });
    const done = await deps.converger.round(desired, asked);
    deps.gate.settled(local, endOf(done));
    // A repair does not wait for the host's own address, which changes seldom; if it did, there is a round for that.
    if (refreshed !== undefined) takeUp(await refreshed);
    const now = performance.now();
    if (done.repairs > 0) pace.repaired(now);
    if (done.steps.some((step) => !isFirewallStep(step))) pace.changed(now);
    const { facts } = host;
    const basis = { snapshot, subnets, desired, facts, spared: built.unknownContainers };
    await memory.settle(basis, done, now - from);
    // What broke the network may have broken the containers' links, which are put right on a whole one only.
    if (done.repairs > 0 || asked === EVERYTHING) deps.keeper.look();
    if (isWhole(done)) return true;
    // What is left of the flows does not wait, since nothing failed.
    if (isWhole({ ...done, flowsClean: done.forgotten > 0 })) {
      turns.wake();
      return false;
    }
    // A refused change is none of what was tried before, and what it was to bring does not wait so long.
    if (!done.firewallHeld && !asked.firewall) retryMs = RETRY_MIN_MS;
    again(done.networkHeld ? { ...NOTHING, firewall: true } : EVERYTHING);
    return false;
  }
  function afterLook(tookMs: number): void {
    place.verify();
    deps.reporter.verify();
    deps.healthChecks.verify();
    armResync(tookMs);
  }
  async function refresh(known: HostInfo): Promise<HostInfo> {
    try {
      const found = await deps.host();
      memory.hostProblems(found.problems ?? []);
      return found;
    } catch (error) {
      memory.hostProblems([messageOf(error)]);
      return known;
    }
  }
  function takeUp(found: HostInfo): void {
    if (!isDeepStrictEqual(found.facts, host.facts)) wake({ ...NOTHING, network: true }, 0);
    host = found;
  }
  function again(suspicion: Suspicion): void {
    const at = performance.now() + retryMs;
    retry = { suspicion: both(retry?.suspicion ?? NOTHING, suspicion), at: Math.min(retry?.at ?? at, at) };
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  }
  function wake(suspicion: Suspicion, delay: number): void {
    due = both(due, suspicion);
    since ??= performance.now();
    turns.wake(delay);
  }
  function armResync(tookMs: number): void {
    clearTimeout(resyncTimer);
    const usual = deps.resyncSeconds * 1_000;
    const pause = Math.min(Math.max(usual, tookMs / RESYNC_SHARE), usual * RESYNC_STRETCH);
    resyncTimer = setTimeout(() => wake(EVERYTHING, 0), pause);
  }

  return {
    changed: () => wake(NOTHING, 0),
    suspect: (part, reason) => {
      log.debug({ part, reason }, 'a hint that the kernel changed');
      wake({ ...NOTHING, [part]: true }, pace.delay(performance.now()));
    },
    resync: () => wake(EVERYTHING, 0),
    state: () => memory.state(performance.now()),
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
  };
}

function endOf({ firewallHeld, fates }: Round): RoundEnd {
  const refused = fates.find(({ fate, step }) => fate === 'failed' && isFirewallStep(step));
  return { firewallHeld, ...(refused === undefined ? {} : { reason: reasonOf(refused) }) };
}

function isWhole(round: Round): boolean {
  return (
    round.networkHeld &&
    round.firewallHeld &&
    round.flowsClean &&
    round.leftOut === undefined &&
    round.fates.every(({ fate }) => fate === 'done')
  );
}
