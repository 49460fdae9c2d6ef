import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { describe, expect, it } from 'vitest';
import { dockerRules } from '../../../test/support/docker.ts';
import { FakeIptables } from '../../../test/support/fake-iptables.ts';
import { intentOf, testService } from '../../../test/support/intents.ts';
import { planChange, planClean, planFirewall } from './firewall.ts';
import type { FirewallListing } from './observed.ts';
import type { FirewallStep } from './step.ts';

const RULESETS = { nftables, iptables };
const V4 = intentOf([testService('ipv4')]);
const V6 = intentOf([testService('ipv6')], 'ipv6');
const EMPTY: readonly FirewallListing[] = [
  { tool: 'nft', family: 'ipv4', listing: '' },
  { tool: 'nft', family: 'ipv6', listing: '' },
];

function told(steps: readonly FirewallStep[] | undefined) {
  return steps?.map(({ kind, tool, family }) => `${kind} ${tool} ${family}`);
}

function listingWith(...inputs: readonly string[]): string {
  const kernel = new FakeIptables();
  for (const input of inputs) kernel.apply(input);
  return kernel.list();
}

describe('all rules', () => {
  it('are written in each family that lacks some, with the reason', () => {
    const steps = planFirewall([V4, V6], { tool: 'nft', listings: EMPTY, others: [] }, RULESETS);
    expect(told(steps)).toEqual(['firewall-apply nft ipv4', 'firewall-apply nft ipv6']);
    expect(steps.map(({ text }) => text)).toEqual([
      'write all IPv4 rules of ours to nft: table ip causeway is missing',
      'write all IPv6 rules of ours to nft: table ip6 causeway is missing',
    ]);
    expect(steps.map(({ intent }) => intent)).toEqual([V4, V6]);
  });

  it('go from a family that the network has not, and from tools that do not serve', () => {
    const served = listingWith(iptables.full(V6));
    const others: readonly FirewallListing[] = [
      { tool: 'nft', family: 'ipv6', listing: 'our table' },
      { tool: 'iptables-legacy', family: 'ipv6', listing: served },
      { tool: 'iptables-nft', family: 'ipv4', listing: listingWith(iptables.full(V4)) },
      { tool: 'iptables-legacy', family: 'ipv4', listing: listingWith() },
    ];
    const steps = planFirewall([V4], { tool: 'nft', listings: [], others }, RULESETS);
    expect(told(steps)).toEqual([
      'firewall-clean nft ipv6',
      'firewall-clean iptables-legacy ipv6',
      'firewall-clean iptables-nft ipv4',
    ]);
    expect(told(planClean(others, RULESETS))).toEqual(told(steps));
  });

  it('leave an accept beside others, and nothing to do once it stands', () => {
    const docker = dockerRules('ipv4');
    const other = (listing: string) => [{ tool: 'iptables-legacy', family: 'ipv4', listing } as const];
    const look = (listing: string) =>
      planFirewall([V4], { tool: 'nft', listings: [], others: other(listing) }, RULESETS);
    const [step] = look(listingWith(docker));
    expect(step).toMatchObject({ kind: 'firewall-beside', tool: 'iptables-legacy', intent: V4 });
    expect(step?.text).toMatch(
      /^let the IPv4 container network pass the rules of others in iptables-legacy: chain FORWARD of filter lacks /,
    );
    expect(look(listingWith(docker, step?.input ?? ''))).toEqual([]);
  });
});

describe('a change without a look', () => {
  const changed = intentOf([]);

  it('is one step in each family that differs', () => {
    expect(told(planChange([V4, V6], [changed, V6], 'nft', RULESETS))).toEqual(['firewall-apply nft ipv4']);
    expect(planChange([V4, V6], [V4, { ...V6 }], 'iptables-nft', RULESETS)).toEqual([]);
  });

  it.each([
    ['another subnet', [V4], [{ ...V4, subnet: '10.10.9.0/24' }]],
    ['no subnet any more', [V4], [intentWithout()]],
    ['masquerading switched off', [V4], [{ ...V4, masquerade: false }]],
    ['a spared destination', [V4], [{ ...V4, nonMasqueradeCidrs: ['192.0.2.0/24'] }]],
    ['a family that came', [V4], [V4, V6]],
    ['a family that went', [V4, V6], [V4]],
    ['a family instead of another', [V4], [V6]],
  ])('is none with %s: the kernel must be looked at', (_, from, to) => {
    expect(planChange(from, to, 'nft', RULESETS)).toBeUndefined();
  });
});

function intentWithout() {
  const { subnet: _, ...intent } = V4;
  return intent;
}
