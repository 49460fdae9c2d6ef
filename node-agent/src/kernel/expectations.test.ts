import type { FirewallIntent, PolicyIntent } from '@causeway/shared/desired/intent';
import type { Family } from '@causeway/shared/net/family';
import { ruleset } from '@causeway/shared/rules/iptables/index';
import { expect, it } from 'vitest';
import { intentOf } from '../../../test/support/intents.ts';
import type { FirewallTool } from '../plan/observed.ts';
import { createExpectations } from './expectations.ts';

const ADDRESS = { ipv4: '10.10.1.2', ipv6: 'fd00:10:0:1::2' } as const;
const DENIED = { ipv4: '203.0.113.0/24', ipv6: '2001:db8::/32' } as const;

const ruled = (family: Family): FirewallIntent => {
  const open = { default: 'allow', deny: [], allow: [], limited: [] } as const;
  const policy: PolicyIntent = {
    ...{ id: 'a1', subjects: [ADDRESS[family]] },
    ingress: { ...open, deny: [{ cidr: DENIED[family] }] },
  };
  return { ...intentOf([], family), policies: [policy] };
};
const told = { input: '', reasons: [], text: '' };
const apply = (tool: FirewallTool, family: Family) =>
  ({ ...told, kind: 'firewall-apply', tool, family, intent: ruled(family) }) as const;
const clean = (tool: FirewallTool, family: Family) =>
  ({ ...told, kind: 'firewall-clean', tool, family }) as const;

it('expects the sets of a family no longer once the rules that ask them are cleaned away', () => {
  const memory = createExpectations(ruleset);
  const families = () => [...(memory.sizes()?.keys() ?? [])].map((name) => name.slice(0, 4));
  memory.changed(apply('iptables-nft', 'ipv4'));
  memory.changed(apply('iptables-nft', 'ipv6'));
  const both = new Set(families());
  expect(both.size).toBe(2);
  // What stands beside it asks none.
  memory.changed(clean('iptables-legacy', 'ipv6'));
  expect(new Set(families())).toEqual(both);
  memory.changed(clean('iptables-nft', 'ipv6'));
  expect(new Set(families())).toEqual(new Set(['CWY4']));
  memory.changed(clean('iptables-nft', 'ipv4'));
  expect(memory.sizes()?.size).toBe(0);
});
