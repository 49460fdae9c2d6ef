import { join } from 'node:path';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import { parseListing } from '@causeway/shared/rules/iptables/listing';
import { NO_OTHERS, type Others, othersOf } from '@causeway/shared/rules/iptables/others';
import { type Expectation, questionOf } from '@causeway/shared/rules/iptables/question';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import { familiesOf, type Rulesets } from '../plan/firewall.ts';
import {
  dataplaneOf,
  type FirewallListing,
  type FirewallTool,
  type ObservedFirewall,
} from '../plan/observed.ts';
import type { FirewallStep } from '../plan/step.ts';
import { noteBaseChains, removeBaseChains } from './base-chains.ts';
import { applyFirewall, holdsOurs, listFirewalls, listOthers, withSets } from './firewall-tools.ts';
import { missingSets, saveSets } from './ip-sets.ts';
import type { FirewallLook } from './kernel.ts';
import { type RuleWatch, watchRules } from './rule-watch.ts';

export interface FirewallOptions {
  /** Where is noted which base chains were there before our first rules. */
  readonly stateDir: string;
  readonly rulesets: Rulesets;
}

/** The packet filters of this process's network namespace: all programs, both families. */
export interface Firewall {
  /**
   * What another tool than the chosen one cannot list holds up nothing: newer programs' rules are more than it can read.
   *
   * @throws CausewayError `command-failed` when the chosen tool cannot list its rules
   */
  observe(look: FirewallLook): Promise<ObservedFirewall>;
  /** @throws CausewayError `kernel-rejected` with the lines that were refused */
  apply(step: FirewallStep): Promise<void>;
  /** What holds something of ours. */
  remains(): Promise<readonly FirewallListing[]>;
  /** Removes the empty tables that iptables-nft made for our rules. @returns a sentence for each */
  removeEmptyTables(): Promise<readonly string[]>;
  /** Tells when somebody else changed rules of ours, or such as stand beside them. One at a time. */
  watch(tool: FirewallTool, onForeign: (reason: string) => void): { close(): void };
}

export function openFirewall({ stateDir, rulesets }: FirewallOptions): Firewall {
  const chainsFile = join(stateDir, 'base-chains.json');
  const legacy = createMemory(rulesets.iptables);
  let watching: RuleWatch | undefined;
  /** The families in use when the others were last found without anything of ours: nobody but us would put it there. */
  let alone: string | undefined;

  async function apply(step: FirewallStep): Promise<void> {
    const { tool } = step;
    if (tool === 'iptables-nft') await noteBaseChains(chainsFile);
    const { parts } = rulesets[dataplaneOf(tool)];
    await applyFirewall(step, parts, (by, input) => watching?.expectOwn(by, input) ?? (() => undefined));
    legacy.changed(step);
  }

  return {
    observe: async ({ tool, intents }) => {
      const families = familiesOf(intents);
      const unlisted: string[] = [];
      const among = alone === families.join() ? families : FAMILIES;
      const [listed, saved, others] = await Promise.all([
        listFirewalls(tool, families),
        tool === 'nft' ? '' : saveSets(),
        listOthers(tool, families, among, (reason) => unlisted.push(reason)),
      ]);
      const listings = withSets(listed, saved);
      if (tool !== 'nft') unlisted.push(...missingSets(intents));
      const isElsewhere = others.some((one) => !families.includes(one.family) && holdsOurs(one));
      alone = isElsewhere || unlisted.length > 0 ? undefined : families.join();
      const observed = { tool, listings, others, unlisted };
      legacy.seen(intents, observed);
      return observed;
    },
    apply,
    remains: async () => (await listOthers()).filter(holdsOurs),
    removeEmptyTables: () => removeBaseChains(chainsFile),
    watch: (tool, onForeign) => {
      const rules = watchRules(tool, legacy.question, onForeign);
      watching = rules;
      return {
        close: () => {
          rules.close();
          if (watching === rules) watching = undefined;
        },
      };
    },
  };
}

/**
 * What iptables-legacy should hold in each family: it tells nobody of a change, so it is asked for that. Only what a look
 * has found, or a step has made, is expected to be there. A look is read when somebody asks: whoever looked compares it
 * too, and mostly changes what it found.
 */
function createMemory(ruleset: Ruleset) {
  const expected = new Map<Family, () => Expectation | undefined>();
  const othersSeen = new Map<Family, () => Others>();

  /** @param role that the tool would have which lists this */
  function learn(role: Expectation['role'], intent: FirewallIntent, listing: string): void {
    const seen = once(() => othersOf(parseListing(listing)));
    const isThere = () =>
      role === 'serving'
        ? ruleset.drift(intent, listing).length === 0
        : ruleset.beside(intent, listing).input === '';
    othersSeen.set(intent.family, seen);
    expected.set(
      intent.family,
      once(() => (isThere() ? { role, intent, others: seen() } : undefined)),
    );
  }

  return {
    seen: (intents: readonly FirewallIntent[], { tool, listings, others }: ObservedFirewall) => {
      expected.clear();
      for (const one of [...listings, ...others]) {
        const intent = intents.find(({ family }) => family === one.family);
        if (one.tool === 'iptables-legacy' && intent !== undefined)
          learn(tool === one.tool ? 'serving' : 'beside', intent, one.listing);
      }
    },
    /** Between two looks, what others have is taken to be what it was. */
    changed: ({ tool, family, kind, intent }: FirewallStep) => {
      if (tool !== 'iptables-legacy') return;
      expected.delete(family);
      if (kind === 'firewall-clean' || intent === undefined) return;
      const role = kind === 'firewall-apply' ? 'serving' : 'beside';
      const others = othersSeen.get(family) ?? (() => NO_OTHERS);
      expected.set(family, () => ({ role, intent, others: others() }));
    },
    question: (family: Family, turn: number): string => {
      const expectation = expected.get(family)?.();
      return expectation === undefined ? '' : questionOf(expectation, turn);
    },
  };
}

/** Worked out when it is first asked for; what it was worked out from is let go then. */
function once<T>(work: () => T): () => T {
  let state: { readonly work: () => T } | { readonly value: T } = { work };
  return () => {
    if ('work' in state) state = { value: state.work() };
    return state.value;
  };
}
