import type { DesiredHost } from '@causeway/shared/desired/host';
import type { EndpointIntent, FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { byId } from '@causeway/shared/desired/order';
import { FAMILY_NAMES } from '@causeway/shared/net/family';
import type { Rulesets } from '../plan/firewall.ts';
import { dataplaneOf } from '../plan/observed.ts';
import type { Fate } from '../plan/step.ts';
import { type Converger, type Round, together } from './converge.ts';
import { reasonOf } from './peers.ts';

/** Most times that one round goes on without those services that its last try was refused for. */
const MOST_TRIES = 20;
/** Most services that one sentence names. */
const SHOWN = 5;

/**
 * Lets no service keep the others from the kernel. When all rules are refused and the lines named are services', the
 * same round goes on without these, and says so. A service of which the kernel holds an earlier definition keeps that,
 * less the endpoints that are gone from the new one, and where nobody else has its VIP or NodePort now. A look at the rules begins with all services again, so that what was left
 * out is tried with each retry, and as soon as it differs.
 *
 * A change that is refused blames nobody: the kernel may hold something else than was remembered. The full run that
 * follows it decides. Where a refusal names no service, the rules stay what they were.
 */
export function leavingOut(converger: Converger, rulesets: Rulesets): Converger {
  /** By service, as the same object for as long as nothing in it changes: what was refused. */
  let known: ReadonlyMap<ServiceIntent, Refused> = new Map();
  /** What the kernel took last. */
  let held: readonly FirewallIntent[] = [];

  return {
    round: async (desired, suspicion) => {
      let out: typeof known = suspicion.firewall ? new Map() : stillWanted(known, desired.firewalls);
      let tried = without(out, desired);
      let done = await converger.round(tried, suspicion);
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const found = culpritsOf(done.fates, tried.firewalls, rulesets);
        if (found.length === 0) break;
        const refused = found.map((culprit) => refusedOf(culprit, out, known, held));
        // Whatever was refused before most likely still is.
        out = new Map([
          ...stillWanted(known, desired.firewalls),
          ...out,
          ...refused.map((one) => [one.service, one] as const),
        ]);
        known = out;
        tried = without(out, desired);
        done = together(done, await converger.round(tried, { network: false, firewall: true }));
      }
      if (done.firewallHeld) [known, held] = [out, tried.firewalls];
      return out.size === 0 ? done : told(done, [...out.values()]);
    },
  };
}

interface Culprit {
  readonly intent: FirewallIntent;
  readonly service: ServiceIntent;
  readonly reason: string;
}

interface Refused extends Culprit {
  /** The last definition that the kernel took, whole. */
  readonly accepted: ServiceIntent | undefined;
  /** What of it is served instead; undefined: nothing. */
  readonly standIn: ServiceIntent | undefined;
}

/** @param out what has been left out before this try */
function refusedOf(
  culprit: Culprit,
  out: ReadonlyMap<ServiceIntent, Refused>,
  known: ReadonlyMap<ServiceIntent, Refused>,
  held: readonly FirewallIntent[],
): Refused {
  const { intent, service } = culprit;
  const stoodIn = [...out.values()].find(({ standIn }) => standIn === service);
  if (stoodIn !== undefined) return { ...stoodIn, reason: culprit.reason, standIn: undefined };
  const isSame = (one: Culprit) => one.service.id === service.id && one.intent.family === intent.family;
  const before = [...known.values()].find(isSame);
  const last = held.find(({ family }) => family === intent.family);
  const accepted = before?.accepted ?? last?.services.find(({ id }) => id === service.id);
  const isOther = accepted !== undefined && accepted !== service;
  return { ...culprit, accepted, standIn: isOther ? standInOf(accepted, service) : undefined };
}

/** An earlier definition as far as it leads to where the new one does; undefined where nothing is left of it. Pure. */
function standInOf(accepted: ServiceIntent, wanted: ServiceIntent): ServiceIntent | undefined {
  const places = new Set([...wanted.endpoints, ...wanted.localEndpoints].map(placeOf));
  const stays = (one: EndpointIntent) => places.has(placeOf(one));
  const endpoints = accepted.endpoints.filter(stays);
  if (endpoints.length === 0) return undefined;
  const { keeping: _, drained: __, ...rules } = accepted;
  const { keeping, drained } = wanted;
  return {
    ...rules,
    endpoints,
    localEndpoints: accepted.localEndpoints.filter(stays),
    ...(keeping === undefined ? {} : { keeping }),
    ...(drained === undefined ? {} : { drained }),
  };
}

function placeOf({ address, port }: EndpointIntent): string {
  return `${address} ${port}`;
}

/** Whether a packet could be meant for both. */
function collide(a: ServiceIntent, b: ServiceIntent): boolean {
  if (a.protocol !== b.protocol) return false;
  const isSameVip = a.vip !== undefined && a.vip === b.vip && a.port === b.port;
  return isSameVip || (a.nodePort !== undefined && a.nodePort === b.nodePort);
}

function stillWanted(
  known: ReadonlyMap<ServiceIntent, Refused>,
  intents: readonly FirewallIntent[],
): ReadonlyMap<ServiceIntent, Refused> {
  if (known.size === 0) return known;
  const wanted = new Set(intents.flatMap(({ services }) => services));
  return new Map([...known].filter(([service]) => wanted.has(service)));
}

/** The same objects where nothing is left out. */
function without(out: ReadonlyMap<ServiceIntent, Refused>, desired: DesiredHost): DesiredHost {
  if (out.size === 0) return desired;
  const firewalls = desired.firewalls.map((intent) => {
    const services = intent.services.filter((service) => !out.has(service));
    if (services.length === intent.services.length) return intent;
    const served = [...services];
    for (const service of intent.services) {
      const standIn = out.get(service)?.standIn;
      if (standIn !== undefined && !served.some((other) => collide(other, standIn))) served.push(standIn);
    }
    return { ...intent, services: served.length === services.length ? services : served.sort(byId) };
  });
  return { ...desired, firewalls };
}

/** @param intents as they were tried */
function culpritsOf(
  fates: readonly Fate[],
  intents: readonly FirewallIntent[],
  rulesets: Rulesets,
): readonly Culprit[] {
  const found: Culprit[] = [];
  for (const fate of fates) {
    const { step } = fate;
    // Only a full run says what differs.
    if (fate.fate !== 'failed' || step.kind !== 'firewall-apply' || step.reasons.length === 0) continue;
    const intent = intents.find(({ family }) => family === step.family);
    if (intent === undefined || fate.refused === undefined) continue;
    for (const service of rulesets[dataplaneOf(step.tool)].speaking(intent, fate.refused))
      found.push({ intent, service, reason: reasonOf(fate) });
  }
  return found;
}

/** With a sentence for each refusal. */
function told(round: Round, out: readonly Culprit[]): Round {
  const byReason = new Map<string, Culprit[]>();
  for (const one of out) byReason.set(one.reason, [...(byReason.get(one.reason) ?? []), one]);
  const problems = [...byReason].map(([reason, all]) => {
    const names = all
      .slice(0, SHOWN)
      .map(({ service, intent }) => `${service.id} (${FAMILY_NAMES[intent.family]})`);
    const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
    return `left out of the rules, which the kernel refuses with it: service ${names.join(', ')}${more}: ${reason}`;
  });
  return { ...round, problems: [...round.problems, ...problems], leftOut: out.length };
}
