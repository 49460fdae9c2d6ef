import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Family } from '@causeway/shared/net/family';
import { parseListing } from '@causeway/shared/rules/iptables/listing';
import { setsOf } from '@causeway/shared/rules/iptables/network-policies';
import { NO_OTHERS, type Others, othersOf } from '@causeway/shared/rules/iptables/others';
import { type Expectation, questionOf } from '@causeway/shared/rules/iptables/question';
import { driftOfSets, readSets } from '@causeway/shared/rules/iptables/sets';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import type { FirewallTool, ObservedFirewall } from '../plan/observed.ts';
import type { FirewallStep } from '../plan/step.ts';
import type { SetSizes } from './sets-watch.ts';

/**
 * What iptables-legacy, and ipset, should hold in each family: they tell nobody of a change, so they are asked for that.
 * Only what a look has found, or a step has made, is expected to be there. A look is read when somebody asks: whoever
 * looked compares it too, and mostly changes what it found.
 */
export interface Expectations {
  /** After each look. */
  seen(intents: readonly FirewallIntent[], observed: ObservedFirewall): void;
  /** After each step that the kernel took. Between two looks, what others have is taken to be what it was. */
  changed(step: FirewallStep): void;
  /** What to ask of iptables-legacy for the n-th time; empty: nothing. */
  question(family: Family, turn: number): string;
  /** The sets that should be there, of all families; undefined while it is not known of all of them. */
  sizes(): SetSizes | undefined;
}

/** @param rendered what of an intent the rules are made of, where that is less than all */
export function createExpectations(
  ruleset: Ruleset,
  rendered: (intent: FirewallIntent) => FirewallIntent = (intent) => intent,
): Expectations {
  const legacy = new Map<Family, () => Expectation | undefined>();
  const othersSeen = new Map<Family, () => Others>();
  /** By the tool whose rules ask them. */
  const sets = new Map<Family, { readonly tool: FirewallTool; readonly sizes: () => SetSizes | undefined }>();

  /** @param role that the tool would have which lists this */
  function learnRules(role: Expectation['role'], intent: FirewallIntent, listing: string): void {
    const others = once(() => othersOf(parseListing(listing)));
    const isThere = () =>
      role === 'serving'
        ? ruleset.drift(intent, listing).length === 0
        : ruleset.beside(intent, listing).input === '';
    othersSeen.set(intent.family, others);
    legacy.set(
      intent.family,
      once(() => (isThere() ? { role, intent: rendered(intent), others: others() } : undefined)),
    );
  }
  function learnSets(tool: FirewallTool, intent: FirewallIntent, listing: string): void {
    const wanted = once(() => setsOf(rendered(intent)));
    const isThere = () => driftOfSets(wanted(), readSets(listing)).length === 0;
    const sizes = once(() => (isThere() ? sizesOf(wanted()) : undefined));
    sets.set(intent.family, { tool, sizes });
  }

  return {
    seen: (intents, { tool, listings, others }) => {
      legacy.clear();
      sets.clear();
      for (const one of [...listings, ...others]) {
        const intent = intents.find(({ family }) => family === one.family);
        if (intent === undefined) continue;
        if (one.tool === 'iptables-legacy')
          learnRules(tool === one.tool ? 'serving' : 'beside', intent, one.listing);
        if (one.tool === tool && hasSets(tool)) learnSets(tool, intent, one.listing);
      }
    },
    changed: ({ tool, family, kind, intent }) => {
      const isGone = kind === 'firewall-clean' || intent === undefined;
      if (tool === 'iptables-legacy') {
        legacy.delete(family);
        const role = kind === 'firewall-apply' ? 'serving' : 'beside';
        const others = othersSeen.get(family) ?? (() => NO_OTHERS);
        if (!isGone) legacy.set(family, () => ({ role, intent: rendered(intent), others: others() }));
      }
      if (!isGone && kind === 'firewall-apply' && hasSets(tool))
        sets.set(family, { tool, sizes: once(() => sizesOf(setsOf(rendered(intent)))) });
      // Those that another tool's rules ask are in use, and stay.
      if (isGone && sets.get(family)?.tool === tool) sets.delete(family);
    },
    question: (family, turn) => {
      const expectation = legacy.get(family)?.();
      return expectation === undefined ? '' : questionOf(expectation, turn);
    },
    sizes: () => {
      const found = [...sets.values()].map(({ sizes }) => sizes());
      return found.some((one) => one === undefined)
        ? undefined
        : new Map(found.flatMap((one) => [...(one ?? [])]));
    },
  };
}

function hasSets(tool: FirewallTool): boolean {
  return tool !== 'nft';
}

function sizesOf(wanted: ReturnType<typeof setsOf>): SetSizes {
  return new Map(wanted.map(({ name, elements }) => [name, elements.length]));
}

/** Worked out when it is first asked for; what it was worked out from is let go then. */
function once<T>(work: () => T): () => T {
  let state: { readonly work: () => T } | { readonly value: T } = { work };
  return () => {
    if ('work' in state) state = { value: state.work() };
    return state.value;
  };
}
