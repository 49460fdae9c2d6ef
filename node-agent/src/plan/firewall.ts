import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { sameSettings } from '@causeway/shared/rules/diff';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import { dataplaneOf, type FirewallListing, type FirewallTool, type ObservedFirewall } from './observed.ts';
import type { FirewallStep } from './step.ts';

export type Rulesets = Readonly<Record<Dataplane, Ruleset>>;

/** Most differences that a step's text repeats. */
const SHOWN_REASONS = 3;

/**
 * The steps that bring every tool that was looked at to what it should hold: the chosen one all rules, an iptables
 * beside it at most what lets the container network pass the rules of others.
 *
 * @param intents one per family of the network
 */
export function planFirewall(
  intents: readonly FirewallIntent[],
  observed: ObservedFirewall,
  rulesets: Rulesets,
): readonly FirewallStep[] {
  const intentOf = new Map(intents.map((intent) => [intent.family, intent]));
  const steps = observed.listings.flatMap((listing) =>
    apply(intentOf.get(listing.family), listing, rulesets),
  );
  return [
    ...steps,
    ...observed.others.flatMap((listing) => beside(intentOf.get(listing.family), listing, rulesets)),
  ];
}

/**
 * The steps that turn rules that hold exactly `from` into `to`, without any listing: at most one per family.
 *
 * @returns undefined when the settings differ: then what others have made counts too, so the kernel must be
 * looked at and `planFirewall` asked
 */
export function planChange(
  from: readonly FirewallIntent[],
  to: readonly FirewallIntent[],
  tool: FirewallTool,
  rulesets: Rulesets,
): readonly FirewallStep[] | undefined {
  if (from.length !== to.length) return undefined;
  const steps: FirewallStep[] = [];
  for (const intent of to) {
    const { family } = intent;
    const held = from.find((one) => one.family === family);
    if (held === undefined || !sameSettings(held, intent)) return undefined;
    const input = rulesets[dataplaneOf(tool)].change(held, intent);
    if (input === '') continue;
    const text = `change the ${FAMILY_NAMES[family]} rules of ${tool}`;
    steps.push({ kind: 'firewall-apply', tool, family, intent, input, reasons: [], text });
  }
  return steps;
}

/** The steps that remove everything of ours from these tools. */
export function planClean(listings: readonly FirewallListing[], rulesets: Rulesets): readonly FirewallStep[] {
  return listings.flatMap((listing) => clean(listing, rulesets));
}

function apply(
  intent: FirewallIntent | undefined,
  { tool, family, listing }: FirewallListing,
  rulesets: Rulesets,
): readonly FirewallStep[] {
  if (intent === undefined) return clean({ tool, family, listing }, rulesets);
  const ruleset = rulesets[dataplaneOf(tool)];
  const reasons = ruleset.drift(intent, listing);
  if (reasons.length === 0) return [];
  const text = `write all ${FAMILY_NAMES[family]} rules of ours to ${tool}${because(reasons)}`;
  const input = ruleset.full(intent, listing);
  return [{ kind: 'firewall-apply', tool, family, intent, input, reasons, text }];
}

function beside(
  intent: FirewallIntent | undefined,
  { tool, family, listing }: FirewallListing,
  rulesets: Rulesets,
): readonly FirewallStep[] {
  if (intent === undefined) return clean({ tool, family, listing }, rulesets);
  const { input, reasons, holds } = rulesets[dataplaneOf(tool)].beside(intent, listing);
  if (input === '') return [];
  if (!holds) return clean({ tool, family, listing }, rulesets);
  const text = `let the ${FAMILY_NAMES[family]} container network pass the rules of others in ${tool}${because(reasons)}`;
  return [{ kind: 'firewall-beside', tool, family, intent, input, reasons, text }];
}

function clean({ tool, family, listing }: FirewallListing, rulesets: Rulesets): readonly FirewallStep[] {
  const input = rulesets[dataplaneOf(tool)].clean(listing, family);
  if (input === '') return [];
  const text = `remove our ${FAMILY_NAMES[family]} rules from ${tool}`;
  return [{ kind: 'firewall-clean', tool, family, input, reasons: [], text }];
}

function because(reasons: readonly string[]): string {
  const more = reasons.length > SHOWN_REASONS ? `; and ${reasons.length - SHOWN_REASONS} more` : '';
  return `: ${reasons.slice(0, SHOWN_REASONS).join('; ')}${more}`;
}

/** Families whose rules a tool is asked for. */
export function familiesOf(intents: readonly FirewallIntent[]): readonly Family[] {
  return intents.map(({ family }) => family);
}
