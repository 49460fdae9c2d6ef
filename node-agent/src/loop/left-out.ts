import type { DesiredHost } from '@causeway/shared/desired/host';
import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
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
 * same round goes on without these, and says so. A look at the rules begins with all services again, so that what was left
 * out is tried with each retry, and as soon as it differs.
 *
 * A change that is refused blames nobody: the kernel may hold something else than was remembered. The full run that
 * follows it decides. Where a refusal names no service, the rules stay what they were.
 */
export function leavingOut(converger: Converger, rulesets: Rulesets): Converger {
  /** By service, as the same object for as long as nothing in it changes: what was refused. */
  let known: ReadonlyMap<ServiceIntent, Refused> = new Map();

  return {
    round: async (desired, suspicion) => {
      let out: typeof known = suspicion.firewall ? new Map() : stillWanted(known, desired.firewalls);
      let done = await converger.round(without(out, desired), suspicion);
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const found = culpritsOf(done.fates, desired.firewalls, rulesets);
        if (found.size === 0) break;
        // Whatever was refused before most likely still is.
        out = new Map([...stillWanted(known, desired.firewalls), ...out, ...found]);
        known = out;
        const again = await converger.round(without(out, desired), { network: false, firewall: true });
        done = together(done, again);
      }
      known = done.firewallHeld ? out : known;
      return out.size === 0 ? done : told(done, [...out.values()]);
    },
  };
}

interface Refused {
  readonly intent: FirewallIntent;
  readonly service: ServiceIntent;
  readonly reason: string;
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
function without(out: ReadonlyMap<ServiceIntent, unknown>, desired: DesiredHost): DesiredHost {
  if (out.size === 0) return desired;
  const firewalls = desired.firewalls.map((intent) => {
    const services = intent.services.filter((service) => !out.has(service));
    return services.length === intent.services.length ? intent : { ...intent, services };
  });
  return { ...desired, firewalls };
}

/** @param intents with those that were left out already */
function culpritsOf(
  fates: readonly Fate[],
  intents: readonly FirewallIntent[],
  rulesets: Rulesets,
): ReadonlyMap<ServiceIntent, Refused> {
  const found = new Map<ServiceIntent, Refused>();
  for (const fate of fates) {
    const { step } = fate;
    // Only a full run says what differs.
    if (fate.fate !== 'failed' || step.kind !== 'firewall-apply' || step.reasons.length === 0) continue;
    const intent = intents.find(({ family }) => family === step.family);
    if (intent === undefined || fate.refused === undefined) continue;
    for (const service of rulesets[dataplaneOf(step.tool)].speaking(intent, fate.refused))
      found.set(service, { intent, service, reason: reasonOf(fate) });
  }
  return found;
}

/** With a sentence for each refusal. */
function told(round: Round, out: readonly Refused[]): Round {
  const byReason = new Map<string, Refused[]>();
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
