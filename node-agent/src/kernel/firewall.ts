import { join } from 'node:path';
import { FAMILIES } from '@causeway/shared/net/family';
import { closed } from '@causeway/shared/rules/iptables/without-sets';
import { familiesOf, type Rulesets } from '../plan/firewall.ts';
import {
  dataplaneOf,
  type FirewallListing,
  type FirewallTool,
  type ObservedFirewall,
} from '../plan/observed.ts';
import type { FirewallStep } from '../plan/step.ts';
import { noteBaseChains, removeBaseChains } from './base-chains.ts';
import { createExpectations } from './expectations.ts';
import { applyFirewall, holdsOurs, listFirewalls, listOthers, withSets } from './firewall-tools.ts';
import { missingSets, saveSets } from './ip-sets.ts';
import type { FirewallLook } from './kernel.ts';
import type { RuleWatch } from './rule-watch.ts';
import { watchRules } from './rule-watches.ts';
import { type SetsWatch, watchSets } from './sets-watch.ts';

export interface FirewallOptions {
  /** Where is noted which base chains were there before our first rules. */
  readonly stateDir: string;
  readonly rulesets: Rulesets;
  /** As of `LinuxKernelOptions`. */
  readonly withoutSets?: string;
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

export function openFirewall({ stateDir, rulesets, withoutSets }: FirewallOptions): Firewall {
  const chainsFile = join(stateDir, 'base-chains.json');
  const memory = createExpectations(rulesets.iptables, withoutSets === undefined ? undefined : closed);
  let watching: RuleWatch | undefined;
  let watchingSets: SetsWatch | undefined;
  /** The families in use when the others were last found without anything of ours: nobody but us would put it there. */
  let alone: string | undefined;

  async function apply(step: FirewallStep): Promise<void> {
    const { tool } = step;
    if (tool === 'iptables-nft') await noteBaseChains(chainsFile);
    const { parts } = rulesets[dataplaneOf(tool)];
    const settled = tool === 'nft' ? undefined : watchingSets?.expectOwn();
    let made = false;
    try {
      await applyFirewall(step, parts, (by, input) => watching?.expectOwn(by, input) ?? (() => undefined));
      memory.changed(step);
      made = true;
    } finally {
      settled?.(made);
    }
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
      if (tool !== 'nft') unlisted.push(...missingSets(intents, withoutSets));
      const isElsewhere = others.some((one) => !families.includes(one.family) && holdsOurs(one));
      alone = isElsewhere || unlisted.length > 0 ? undefined : families.join();
      const observed = { tool, listings, others, unlisted };
      memory.seen(intents, observed);
      return observed;
    },
    apply,
    remains: async () => (await listOthers()).filter(holdsOurs),
    removeEmptyTables: () => removeBaseChains(chainsFile),
    watch: (tool, onForeign) => {
      const rules = watchRules(tool, memory.question, onForeign);
      const sets = watchSets(memory.sizes, onForeign);
      [watching, watchingSets] = [rules, sets];
      return {
        close: () => {
          rules.close();
          sets.close();
          if (watching === rules) [watching, watchingSets] = [undefined, undefined];
        },
      };
    },
  };
}
