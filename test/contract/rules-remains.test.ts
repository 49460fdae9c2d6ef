import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planClean, planFirewall } from '../../node-agent/src/plan/firewall.ts';
import type { FirewallTool } from '../../node-agent/src/plan/observed.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { dockerRules } from '../support/docker.ts';
import { intentOf, testPolicy, testService } from '../support/intents.ts';
import { openRealKernel, type RealKernel, useKernelDriver } from '../support/real-kernel.ts';

const RULESETS = { nftables, iptables };
const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

const driver = useKernelDriver();
let kernel: RealKernel;
beforeEach(async () => {
  kernel = await openRealKernel(driver.path);
});
afterEach(() => kernel.close());

async function serve(tool: FirewallTool, families: readonly Family[]): Promise<readonly string[]> {
  const intents = families.map((family) => ({
    ...intentOf([testService(family)], family),
    policies: [testPolicy(family)],
  }));
  const { firewall } = await kernel.observe({ firewall: { tool, intents } });
  if (firewall === undefined) throw new Error('nothing was observed');
  return carryOut(planFirewall(intents, firewall, RULESETS));
}

async function carryOut(steps: Parameters<RealKernel['apply']>[0]): Promise<readonly string[]> {
  const fates = await kernel.apply(steps);
  expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
  return fates.map(({ step }) => step.text.replace(/:.*/, ''));
}

async function remains(): Promise<readonly string[]> {
  return (await kernel.remains()).firewalls.map(({ tool, family }) => `${tool} ${family}`).sort();
}

/** What nftables holds, of whatever program, and the ipsets. */
async function everything(): Promise<string> {
  return (await kernel.sh('nft list ruleset; ipset list -n')).replace(/packets \d+ bytes \d+/g, '');
}

describe.each(TOOLS)('rules in %s', (tool) => {
  it('are all found and removed, with the empty tables that they were in', async () => {
    const before = await everything();
    await serve(tool, FAMILIES);
    expect(await serve(tool, FAMILIES)).toEqual([]);
    expect(await remains()).toEqual(FAMILIES.map((family) => `${tool} ${family}`));
    await carryOut(planClean((await kernel.remains()).firewalls, RULESETS));
    await kernel.removeEmptyTables();
    expect(await remains()).toEqual([]);
    expect(await everything()).toBe(before);
  });

  it('leave sets of policies alone behind at worst, which are found and removed too', async () => {
    await kernel.sh('ipset create CWY4-5f3a-TD hash:net family inet; ipset create mine hash:net family inet');
    expect(await remains()).toEqual(['iptables-nft ipv4']);
    await serve(tool, FAMILIES);
    await carryOut(planClean((await kernel.remains()).firewalls, RULESETS));
    expect(await kernel.sh('ipset list -n')).toBe('mine\n');
  });

  it('go when another tool serves, and in a family that the network has no more', async () => {
    await serve(tool, FAMILIES);
    const next = tool === 'nft' ? 'iptables-nft' : 'nft';
    expect(await serve(next, ['ipv6'])).toEqual([
      `write all IPv6 rules of ours to ${next}`,
      `remove our IPv4 rules from ${tool}`,
      `remove our IPv6 rules from ${tool}`,
    ]);
    expect(await remains()).toEqual([`${next} ipv6`]);
    expect(await serve(next, ['ipv6'])).toEqual([]);
  });

  it('leave the tables of a Docker as they were', async () => {
    for (const family of FAMILIES) {
      const program = family === 'ipv4' ? 'iptables-nft' : 'ip6tables-nft';
      await kernel.sh(`${program}-restore --noflush <<'END'\n${dockerRules(family)}END`);
    }
    const before = await everything();
    await serve(tool, FAMILIES);
    await carryOut(planClean((await kernel.remains()).firewalls, RULESETS));
    await kernel.removeEmptyTables();
    expect(await everything()).toBe(before);
  });
});
