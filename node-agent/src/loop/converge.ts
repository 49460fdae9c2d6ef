import type { DesiredHost } from '@causeway/shared/desired/host';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { messageOf } from '@causeway/shared/errors';
import type { PeerReport } from '@causeway/shared/model/node';
import type { Kernel } from '../kernel/kernel.ts';
import { planChange, type Rulesets } from '../plan/firewall.ts';
import { dataplaneOf, type FirewallTool, type Observed } from '../plan/observed.ts';
import { inOrder } from '../plan/order.ts';
import { plan } from '../plan/plan.ts';
import type { Fate, Plan, Step } from '../plan/step.ts';

/** What a round must look at before it trusts its memory. */
export interface Suspicion {
  readonly network: boolean;
  readonly firewall: boolean;
  /** Whether other tools hold rules of ours. */
  readonly leftovers: boolean;
}

export interface Round {
  readonly steps: readonly Step[];
  readonly fates: readonly Fate[];
  /** Of the parts that were looked at in this round or before; sentences. */
  readonly problems: readonly string[];
  /** How many peers' subnets are known, and how many of them the kernel leads to. */
  readonly peersWanted: number;
  readonly peersInstalled: number;
  /** Those that are not installed. */
  readonly peers: readonly PeerReport[];
  /** The kernel holds all desired rules. */
  readonly firewallHeld: boolean;
  /** No step for links, routes or sysctls failed. */
  readonly networkHeld: boolean;
  /** Steps that mended what had been right before. */
  readonly repairs: number;
}

export interface Converger {
  /** Brings the kernel to `desired` as far as possible. @throws CausewayError when it cannot even be looked at */
  round(desired: DesiredHost, suspicion: Suspicion): Promise<Round>;
}

export interface ConvergerDeps {
  readonly kernel: Kernel;
  readonly rulesets: Rulesets;
  readonly tool: FirewallTool;
}

/** The network part of what was applied last, and its faults. */
interface NetworkMemory {
  readonly key: string;
  readonly problems: readonly string[];
  /** Reason by destination of the routes that are not as desired. */
  readonly faults: ReadonlyMap<string, string>;
  readonly held: boolean;
}

/**
 * The fast path and the slow path. What the kernel was last brought to is remembered, so that a change of services
 * costs one program and no listing; whatever is suspected is looked at.
 */
export function createConverger({ kernel, rulesets, tool }: ConvergerDeps): Converger {
  let held: FirewallIntent | undefined;
  let network: NetworkMemory | undefined;
  let cleaned = false;

  return {
    round: async (desired, suspicion) => {
      const lookNetwork = suspicion.network || network?.key !== networkKey(desired);
      const lookFirewall = suspicion.firewall || held === undefined;
      const leftovers = lookFirewall && (suspicion.leftovers || !cleaned);
      const observed = await kernel.observe({
        ...(lookNetwork ? { network: networkLook(desired) } : {}),
        ...(lookFirewall ? { firewall: { tool, leftovers } } : {}),
      });
      const planned = plan(desired, observed, rulesets);
      const change =
        held === undefined || lookFirewall ? undefined : planChange(held, desired.firewall, tool, rulesets);
      const steps = change === undefined ? planned.steps : inOrder([...planned.steps, change]);
      const repairs = countRepairs(planned, observed, desired);

      const fates = await kernel.apply(steps);
      const failures = fates.filter((fate) => fate.fate !== 'done');
      if (lookNetwork) network = remember(desired, planned, failures);
      const firewallHeld = !failures.some(({ step }) => step.kind === 'firewall-apply');
      held = firewallHeld ? desired.firewall : undefined;
      if (leftovers) cleaned = !failures.some(({ step }) => step.kind === 'firewall-clean');
      return {
        steps,
        fates,
        repairs,
        firewallHeld,
        networkHeld: network?.held ?? false,
        peers: peersOf(desired, network),
        problems: [...(network?.problems ?? []), ...firewallProblems(failures)],
      };
    },
  };

  /** Steps that no change of what is desired asks for. */
  function countRepairs(planned: Plan, observed: Observed, desired: DesiredHost): number {
    const sameNetwork = network?.key === networkKey(desired) && network.held;
    return planned.steps.filter((step) => {
      if (step.kind === 'firewall-clean') return false;
      return step.kind === 'firewall-apply'
        ? observed.firewall !== undefined && isHeld(desired)
        : sameNetwork;
    }).length;
  }

  /** Nothing but the kernel differs from what was applied last. */
  function isHeld(desired: DesiredHost): boolean {
    return held !== undefined && rulesets[dataplaneOf(tool)].change(held, desired.firewall) === '';
  }
}

function networkLook(desired: DesiredHost) {
  const { bridge, firewall, sysctls } = desired;
  return { bridge: bridge.name, network: firewall.network, sysctls: Object.keys(sysctls) };
}

function networkKey({ bridge, routes, sysctls }: DesiredHost): string {
  return JSON.stringify([bridge, routes, sysctls]);
}

function remember(desired: DesiredHost, planned: Plan, failures: readonly Fate[]): NetworkMemory {
  const own = failures.filter(({ step }) => !step.kind.startsWith('firewall-'));
  const faults = new Map<string, string>();
  for (const destination of planned.blocked) faults.set(destination, 'another route leads elsewhere');
  for (const fate of own) if ('route' in fate.step) faults.set(fate.step.route.destination, reasonOf(fate));
  return {
    key: networkKey(desired),
    faults,
    problems: [...planned.problems, ...own.map(reasonOf)],
    held: own.length === 0,
  };
}

function firewallProblems(failures: readonly Fate[]): readonly string[] {
  return failures.filter(({ step }) => step.kind.startsWith('firewall-')).map(reasonOf);
}

function reasonOf(fate: Fate): string {
  if (fate.fate === 'failed') return messageOf(fate.error);
  return fate.fate === 'notExecuted' ? `not done: ${fate.step.text} (${fate.because})` : '';
}

function peersOf(desired: DesiredHost, network: NetworkMemory | undefined): readonly PeerReport[] {
  return desired.peers.map(({ subnet, publicIp, state, reason }): PeerReport => {
    if (state === 'unreachable')
      return { subnet, publicIp, state, ...(reason === undefined ? {} : { reason }) };
    const fault = network?.faults.get(subnet);
    return fault === undefined
      ? { subnet, publicIp, state: 'installed' }
      : { subnet, publicIp, state: 'failed', reason: fault };
  });
}
