import { describe, expect, it } from 'vitest';
import { FakeIptables } from '../../../../test/support/fake-iptables.ts';
import { intentOf, testPolicy, testService } from '../../../../test/support/intents.ts';
import { FAMILIES } from '../../net/family.ts';
import { ruleset } from './index.ts';
import { rulesetWithoutSets } from './without-sets.ts';

describe.each(FAMILIES)('iptables without ipset, %s', (family) => {
  const before = intentOf([testService(family)], family);
  const intent = { ...before, policies: [testPolicy(family)] };

  it('closes containers with policies, in the directions that these speak of, and makes no set', () => {
    const kernel = new FakeIptables();
    kernel.apply(rulesetWithoutSets.full(intent, kernel.list()));
    expect(rulesetWithoutSets.drift(intent, kernel.list())).toEqual([]);
    expect(kernel.list()).not.toContain('ipset');
    for (const chain of ['CWY-PTO-5f3a', 'CWY-PFR-5f3a']) {
      const rules = kernel
        .list()
        .split('\n')
        .filter((line) => line.startsWith(`-A ${chain} `));
      expect(rules.at(-1)).toBe(`-A ${chain} -m comment --comment "the default" -j DROP`);
      expect(rules.filter((rule) => /ACCEPT|RETURN/.test(rule))).toEqual([]);
    }
  });

  it('does so in a change, and changes nothing where there are no policies', () => {
    const kernel = new FakeIptables();
    kernel.apply(rulesetWithoutSets.full(before, kernel.list()));
    expect(ruleset.drift(before, kernel.list())).toEqual([]);
    kernel.apply(rulesetWithoutSets.change(before, intent));
    expect(rulesetWithoutSets.drift(intent, kernel.list())).toEqual([]);
    kernel.apply(rulesetWithoutSets.change(intent, before));
    expect(ruleset.drift(before, kernel.list())).toEqual([]);
  });
});
