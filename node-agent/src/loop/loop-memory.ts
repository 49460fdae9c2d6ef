import type { DesiredHost, OwnSubnets, PeerIntent } from '@causeway/shared/desired/host';
import { messageOf } from '@causeway/shared/errors';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import type { NodeReport, PeerReport } from '@causeway/shared/model/node';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import type { Place } from '../cluster/place.ts';
import type { SubnetFile } from '../cluster/subnet-file.ts';
import type { LoopHealth } from '../health/state.ts';
import type { HealthChecks } from '../health-checks/health-checks.ts';
import type { Logger } from '../logger.ts';
import type { ContainerKeeper } from './container-keeper.ts';
import { containerNetwork } from './container-network.ts';
import type { Round } from './converge.ts';
import type { PeerCount } from './peers.ts';
import type { Reporter } from './reporter.ts';

export interface MemoryDeps {
  readonly name: string;
  readonly place: Place;
  readonly keeper: ContainerKeeper;
  readonly reporter: Reporter;
  readonly subnetFile: SubnetFile;
  readonly healthChecks: Pick<HealthChecks, 'problem'>;
  /** Where controllers and other agents reach this one. */
  readonly api: { problem(): string | undefined };
  readonly log: Logger;
}

export interface LoopState {
  readonly loop: LoopHealth;
  readonly peers: readonly PeerReport[];
  readonly problems: readonly string[];
}

/** What one round went by. */
export interface Basis {
  readonly snapshot: Snapshot;
  readonly subnets: OwnSubnets;
  readonly desired: DesiredHost;
  readonly facts: HostFacts;
  /** Containers that are left alone. */
  readonly spared: readonly string[];
}

/** Most steps that one line of the log repeats. */
const SHOWN_STEPS = 20;

/** What has been reached so far, and how it is told: to the log, to etcd, to the containers, to the health pages. */
export function createMemory(deps: MemoryDeps) {
  const { name, place, keeper, reporter, subnetFile, healthChecks, api, log } = deps;
  let reached = { servicesRevision: 0, policiesRevision: 0, networkRevision: 0, repairs: 0 };
  let held = { networkHeld: false, firewallHeld: false };
  let unreadable: readonly string[] = [];
  let hostProblems: readonly string[] = [];
  let kernelProblems: readonly string[] = [];
  let wanted: readonly PeerIntent[] = [];
  let counted: PeerCount = { peersWanted: 0, peersInstalled: 0, peers: [] };
  let tookMs = 0;
  let failure: string | undefined;
  let told = '';
  const rounds = createRounds();

  function problemsNow(): readonly string[] {
    const doubts = [place, healthChecks, api].flatMap((part) => part.problem() ?? []);
    return [...doubts, ...hostProblems, ...unreadable, ...kernelProblems];
  }
  function tell(problems: readonly string[]): void {
    const text = problems.join('\n');
    if (text !== told && problems.length > 0) log.warn({ problems }, 'not all is well');
    if (text !== told && problems.length === 0) log.info('all is well again');
    told = text;
  }
  /** @returns what was wrong with it, as sentences */
  async function keepSubnetFile({ snapshot, subnets, desired }: Basis): Promise<readonly string[]> {
    try {
      await subnetFile.keep({ config: snapshot.config, subnets, mtu: desired.bridge.mtu });
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  }
  function report(): NodeReport {
    return {
      ...{ name, ...reached, ...counted },
      problems: [...(failure === undefined ? [] : [failure]), ...problemsNow()],
      appliedInMs: Math.round(tookMs * 10) / 10,
      at: new Date().toISOString(),
    };
  }
  return {
    begin: rounds.begin,
    end: rounds.end,
    unreadable: (problems: readonly string[]) => {
      unreadable = problems;
    },
    hostProblems: (problems: readonly string[]) => {
      hostProblems = problems;
    },
    failed: (reason: string) => {
      failure = reason;
      // Else the cluster would go on reading that all is well.
      reporter.report(report());
    },
    /** @param ms since the change was heard of */
    settle: async (basis: Basis, round: Round, ms: number): Promise<void> => {
      const { snapshot, subnets, desired, facts, spared } = basis;
      const { networkHeld, firewallHeld, peersWanted, peersInstalled, peers } = round;
      failure = undefined;
      // While connections that are refused now are being forgotten, the policies do not hold; what hinders it is a problem.
      const isForgetting = !round.flowsClean && round.forgotten > 0;
      held = { networkHeld, firewallHeld };
      reached = {
        servicesRevision: firewallHeld ? snapshot.servicesRevision : reached.servicesRevision,
        policiesRevision:
          firewallHeld && !isForgetting ? snapshot.policiesRevision : reached.policiesRevision,
        networkRevision: networkHeld ? snapshot.networkRevision : reached.networkRevision,
        repairs: reached.repairs + round.repairs,
      };
      wanted = desired.peers;
      counted = { peersWanted, peersInstalled, peers };
      tookMs = ms;
      logRound(log, round, ms, snapshot.servicesRevision);
      const fileProblems = networkHeld ? await keepSubnetFile(basis) : [];
      kernelProblems = [...desired.problems, ...round.problems, ...fileProblems];
      tell(problemsNow());
      reporter.report(report());
      if (networkHeld)
        keeper.want(snapshot.containers, containerNetwork(subnets, desired.bridge, facts), spared);
    },
    state: (now: number): LoopState => ({
      loop: { ...rounds.state(now), ...held, ...reached, ...(failure === undefined ? {} : { failure }) },
      peers: allPeers(wanted, counted.peers),
      problems: problemsNow(),
    }),
  };
}

/** What a round tells of the peers that are missing, and the others as installed. */
function allPeers(wanted: readonly PeerIntent[], missing: readonly PeerReport[]): readonly PeerReport[] {
  // Two hosts may claim one subnet, of which one is served.
  const keyOf = (peer: Pick<PeerReport, 'subnet' | 'publicIp'>) => `${peer.subnet} ${peer.publicIp}`;
  const byKey = new Map(missing.map((peer) => [keyOf(peer), peer]));
  return wanted.map(({ subnet, publicIp, node, path }) => {
    const installed: PeerReport = {
      ...{ subnet, publicIp, state: 'installed' },
      ...(node === undefined ? {} : { node }),
      ...(path === undefined ? {} : { path }),
    };
    return byKey.get(keyOf(installed)) ?? installed;
  });
}

/** Counts rounds and their time. All times in milliseconds of a clock that never jumps. */
function createRounds() {
  let rounds = 0;
  let totalMs = 0;
  let last: { readonly ms: number; readonly endedAt: number } | undefined;
  let beganAt: number | undefined;
  return {
    begin: (now: number) => {
      beganAt = now;
    },
    end: (now: number) => {
      const ms = now - (beganAt ?? now);
      beganAt = undefined;
      rounds += 1;
      totalMs += ms;
      last = { ms, endedAt: now };
    },
    state: (now: number) => ({
      ...{ rounds, totalMs },
      ...(last === undefined ? {} : { lastMs: last.ms, sinceLastMs: now - last.endedAt }),
      ...(beganAt === undefined ? {} : { busyMs: now - beganAt }),
    }),
  };
}

function logRound(log: Logger, round: Round, ms: number, revision: number): void {
  if (round.steps.length === 0 && round.forgotten === 0) return;
  const steps = round.steps.slice(0, SHOWN_STEPS).map((step) => step.text);
  const more = round.steps.length - steps.length;
  const failed = round.fates.filter(({ fate }) => fate !== 'done').length;
  const line = {
    steps,
    ...(more > 0 ? { more } : {}),
    ...(failed > 0 ? { failed } : {}),
    ...(round.forgotten > 0 ? { forgottenFlows: round.forgotten } : {}),
    revision,
    ms: Math.round(ms),
  };
  log.info(line, round.repairs > 0 ? 'repaired the kernel' : 'changed the kernel');
}
