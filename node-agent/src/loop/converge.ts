import type { DesiredHost, RouteIntent } from '@causeway/shared/desired/host';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { Kernel, Look } from '../kernel/kernel.ts';
import { firewallLook, networkLook } from '../kernel/look.ts';
import { type NetworkIntent, planNetworkChange } from '../plan/change.ts';
import { planChange, type Rulesets } from '../plan/firewall.ts';
import type { FirewallTool, Observed } from '../plan/observed.ts';
import { inOrder } from '../plan/order.ts';
import { plan } from '../plan/plan.ts';
import { type Fate, isFirewallStep, type Plan, type Step } from '../plan/step.ts';
import { type Cleaning, createFlowCleaner } from './flow-cleaner.ts';
import { countPeers, faultsOf, type PeerCount, reasonOf } from './peers.ts';

/** What a round must look at before it trusts its memory. */
export interface Suspicion {
  readonly network: boolean;
  readonly firewall: boolean;
}

export interface Round extends PeerCount {
  readonly steps: readonly Step[];
  readonly fates: readonly Fate[];
  /** Of the parts that were looked at in this round or before; sentences. */
  readonly problems: readonly string[];
  /** The kernel holds all desired rules; false also when they could not be looked at. */
  readonly firewallHeld: boolean;
  /** No step for links, routes or sysctls failed; false also when they could not be looked at. */
  readonly networkHeld: boolean;
  /** Steps that mended what had been right before. */
  readonly repairs: number;
  /** Stale flows that the kernel was made to forget, and whether none is left. */
  readonly forgotten: number;
  readonly flowsClean: boolean;
  /** Services that are left out of the rules, so that the kernel takes the others (`left-out.ts`). Absent: none. */
  readonly leftOut?: number;
}

export interface Converger {
  /**
   * Brings the kernel to `desired` as far as possible: of network and rules, one that cannot be looked at does not hold
   * up the other.
   *
   * @throws CausewayError when neither can be looked at
   */
  round(desired: DesiredHost, suspicion: Suspicion): Promise<Round>;
}

export interface ConvergerDeps {
  readonly kernel: Kernel;
  readonly rulesets: Rulesets;
  readonly tool: FirewallTool;
}

/** The network part of what was applied last, and its faults. */
interface NetworkMemory {
  readonly applied: NetworkIntent;
  readonly problems: readonly string[];
  /** Reason by destination of the routes that are not as desired. */
  readonly faults: ReadonlyMap<string, string>;
  readonly held: boolean;
}

/** What was seen of the kernel, and why a part could not be. */
interface Sight {
  readonly observed: Observed;
  readonly blind: { readonly network?: string; readonly firewall?: string };
}

/**
 * The fast path and the slow path. What the kernel was last brought to is remembered, so that a change of services or
 * of a peer costs one program and no listing; whatever is suspected is looked at.
 */
export function createConverger({ kernel, rulesets, tool }: ConvergerDeps): Converger {
  let held: readonly FirewallIntent[] | undefined;
  let network: NetworkMemory | undefined;
  let unlisted: readonly string[] = [];
  const cleaner = createFlowCleaner(kernel);

  async function round(desired: DesiredHost, suspicion: Suspicion): Promise<Round> {
    const peers = network?.held ? planNetworkChange(network.applied, desired, network.faults) : undefined;
    const rules = held === undefined ? undefined : planChange(held, desired.firewalls, tool, rulesets);
    // What is new is no damage: it is made at once, and the look finds what else differs.
    if (suspicion.firewall && rules !== undefined && rules.length > 0)
      return together(await round(desired, UNSUSPECTED), await round(desired, suspicion));
    const quick = {
      network: suspicion.network ? undefined : peers,
      firewall: suspicion.firewall ? undefined : rules,
    };
    const { observed, blind } = await observe(desired, quick);
    const planned = plan(desired, observed, rulesets);
    const steps = inOrder([...planned.steps, ...(quick.network ?? []), ...(quick.firewall ?? [])]);
    const repairs = countRepairs(planned.steps, peers, rules);
    const mended = planned.steps.some((step) => isFirewallStep(step) && step.kind !== 'firewall-clean');

    const fates = await kernel.apply(steps);
    const failures = fates.filter((fate) => fate.fate !== 'done');
    const lost = failures.filter(({ step }) => !isFirewallStep(step));
    const refused = failures.filter(({ step }) => isFirewallStep(step));
    const firewallHeld =
      blind.firewall === undefined && refused.every(({ step }) => step.kind === 'firewall-clean');
    held = firewallHeld ? desired.firewalls : undefined;
    if (observed.firewall !== undefined) unlisted = observed.firewall.unlisted ?? [];
    network =
      blind.network === undefined
        ? remember(network, desired, observed.network === undefined ? undefined : planned, lost)
        : doubt(network, desired, blind.network);
    // The rules first: what is forgotten must not be ruled by the old ones again.
    const flows = firewallHeld ? await cleaner.clean(desired.firewalls, mended) : UNCLEANED;
    const mine: Round = {
      ...{ steps, fates, repairs, firewallHeld, networkHeld: network.held },
      ...{ forgotten: flows.forgotten, flowsClean: flows.done },
      ...countPeers(desired.peers, network.faults),
      problems: [
        ...network.problems,
        ...Object.values(blind),
        ...unlisted,
        ...refused.map(reasonOf),
        ...flows.problems,
      ],
    };
    // The memory was wrong: the kernel says what is there instead.
    if (quick.network === undefined || lost.length === 0) return mine;
    return together(mine, await round(desired, { network: true, firewall: !firewallHeld }));
  }

  async function observe(
    desired: DesiredHost,
    quick: { network?: unknown; firewall?: unknown },
  ): Promise<Sight> {
    const part = {
      network: quick.network === undefined ? { network: networkLook(desired) } : {},
      firewall: quick.firewall === undefined ? { firewall: firewallLook(desired, tool) } : {},
    };
    const whole = await lookAt({ ...part.network, ...part.firewall });
    if (typeof whole !== 'string') return { observed: whole, blind: {} };
    const [links, rules] = [await lookAt(part.network), await lookAt(part.firewall)];
    if (typeof links === 'string' && typeof rules === 'string')
      throw new CausewayError('command-failed', links);
    return {
      observed: { ...(typeof links === 'string' ? {} : links), ...(typeof rules === 'string' ? {} : rules) },
      blind: {
        ...(typeof links === 'string' ? { network: links } : {}),
        ...(typeof rules === 'string' ? { firewall: rules } : {}),
      },
    };
  }
  /** @returns why it cannot be looked at, if so */
  async function lookAt(look: Look): Promise<Observed | string> {
    return Object.keys(look).length === 0 ? {} : kernel.observe(look).catch(messageOf);
  }
  return { round };
}

const UNSUSPECTED: Suspicion = { network: false, firewall: false };
const UNCLEANED: Cleaning = { forgotten: 0, problems: [], done: false };

/** Steps that no change of what is desired asks for. */
function countRepairs(
  planned: readonly Step[],
  peers: readonly Step[] | undefined,
  rules: readonly Step[] | undefined,
): number {
  const asked = new Set(peers?.map(({ text }) => text));
  return planned.filter((step) => {
    if (step.kind === 'firewall-clean') return false;
    return isFirewallStep(step) ? rules?.length === 0 : peers !== undefined && !asked.has(step.text);
  }).length;
}

/** @param planned absent: the kernel was not looked at, and what is remembered of it holds for all but the peers */
function remember(
  before: NetworkMemory | undefined,
  desired: DesiredHost,
  planned: Plan | undefined,
  lost: readonly Fate[],
): NetworkMemory {
  const { bridge, tunnels, routes, sysctls } = desired;
  const blocked = planned?.blocked.map((to) => [to, 'another route leads elsewhere'] as const);
  return {
    applied: { bridge, tunnels, routes, sysctls },
    faults: new Map([...(blocked ?? before?.faults ?? []), ...faultsOf(desired, lost)]),
    problems: [...((planned ?? before)?.problems ?? []), ...lost.map(reasonOf)],
    held: lost.length === 0,
  };
}

/** What is remembered of a network that could not be looked at: that nothing was done for what is new since. */
function doubt(before: NetworkMemory | undefined, desired: DesiredHost, reason: string): NetworkMemory {
  const { bridge, tunnels, sysctls } = desired;
  const applied = before?.applied ?? { bridge, tunnels, routes: [], sysctls };
  const known = new Set(applied.routes.map(wayOf));
  const fresh = desired.routes.filter((route) => !known.has(wayOf(route)));
  const faults = fresh.map(({ destination }) => [destination, reason] as const);
  return {
    applied,
    faults: new Map([...(before?.faults ?? []), ...faults]),
    problems: before?.problems ?? [],
    held: false,
  };
}

function wayOf({ destination, gateway, device }: RouteIntent): string {
  return `${destination} ${gateway} ${device}`;
}

/** Two rounds as one: what the first could not do, the second has tried again. */
export function together(first: Round, second: Round): Round {
  const done = first.fates.filter(({ fate }) => fate === 'done');
  return {
    ...second,
    repairs: first.repairs + second.repairs,
    forgotten: first.forgotten + second.forgotten,
    steps: [...done.map(({ step }) => step), ...second.steps],
    fates: [...done, ...second.fates],
  };
}
