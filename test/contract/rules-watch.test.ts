import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { planChange, planFirewall } from '../../node-agent/src/plan/firewall.ts';
import { dataplaneOf, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import type { FirewallIntent, PolicyIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { DOCKER_STARTS_AGAIN, dockerRules } from '../support/docker.ts';
import { intentOf, manyServices, testService } from '../support/intents.ts';
import { openRealKernel, type RealKernel, useKernelDriver } from '../support/real-kernel.ts';
import { isSoon } from '../support/soon.ts';

/** A signal must leave time for the repair, which must be done within a second of the damage. */
const SIGNAL_MS = 900;
/** Nobody looks by himself here: only a signal ends the waiting, however long a busy machine takes. */
const PATIENCE = { timeout: 60_000, interval: 5 };
const RULESETS = { nftables, iptables };
const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

const driver = useKernelDriver();

function programOf(tool: FirewallTool, family: Family): string {
  return family === 'ipv6' ? tool.replace('iptables', 'ip6tables') : tool;
}

describe.each(TOOLS)('whoever changes rules is noticed with %s', (tool) => {
  let kernel: RealKernel;
  let reasons: string[];
  let intents: readonly FirewallIntent[];

  beforeEach(async () => {
    kernel = await openRealKernel(driver.path);
    reasons = [];
    intents = FAMILIES.map((family) => intentOf([testService(family)], family));
  });
  afterEach(() => kernel.close());

  /** Looks at all rules and puts them right. @returns what had to be done */
  async function mend(): Promise<readonly string[]> {
    const { firewall } = await kernel.observe({ firewall: { tool, intents } });
    if (firewall === undefined) throw new Error('nothing was observed');
    const steps = planFirewall(intents, firewall, RULESETS);
    const fates = await kernel.apply(steps);
    expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
    return steps.map((step) => `${step.kind} ${step.tool} ${step.family}`);
  }
  async function watch(): Promise<void> {
    kernel.watch({
      ...{ tool, iface: 'eth0', bridge: 'cwy0', sysctls: [] },
      onSignal: (signal, reason) => {
        if (signal === 'firewall') reasons.push(reason);
      },
    });
    // The monitors' programs need a moment, so damage is done until it is told of.
    await vi.waitFor(async () => {
      await mend();
      await kernel.sh(damage('ipv4'));
      await vi.waitFor(() => expect(reasons).not.toEqual([]), { timeout: SIGNAL_MS, interval: 5 });
    }, PATIENCE);
    await mend();
    reasons.length = 0;
  }
  const heard = () => vi.waitFor(() => expect(reasons).not.toEqual([]), PATIENCE);
  /** Somebody does something that must be told of soon, and mended by these steps. */
  const isToldSoon = (script: string, steps: readonly string[]) =>
    isSoon(SIGNAL_MS, async () => {
      reasons.length = 0;
      const since = performance.now();
      await kernel.sh(script);
      await heard();
      const took = performance.now() - since;
      expect(await mend()).toEqual(steps);
      return took;
    });
  const restoring = (which: FirewallTool, family: Family, input: string) =>
    `${programOf(which, family)}-restore --noflush <<'END'\n${input}END`;

  function damage(family: Family): string {
    if (tool === 'nft') return `nft flush chain ${family === 'ipv4' ? 'ip' : 'ip6'} causeway services`;
    return `${programOf(tool, family)} -t nat -F CWY-SERVICES`;
  }

  it.each(FAMILIES)('when rules of ours go, %s', async (family) => {
    await mend();
    await watch();
    await isToldSoon(damage(family), [`firewall-apply ${tool} ${family}`]);
  });

  it('when a service that came by a change goes, with many others', async () => {
    await mend();
    await watch();
    const [first, second] = intents;
    if (first === undefined || second === undefined) throw new Error('two families');
    const more = intentOf([...first.services, ...manyServices(60)]);
    const input = RULESETS[dataplaneOf(tool)].change(first, more);
    const about = { tool, family: 'ipv4' as const, intent: more, input, reasons: [], text: '' };
    expect((await kernel.apply([{ kind: 'firewall-apply', ...about }])).map(({ fate }) => fate)).toEqual([
      'done',
    ]);
    intents = [more, second];
    reasons.length = 0;
    const vip = '10.96.0.59';
    const rule = `"$(${tool}-save -t nat | grep -- '-A CWY-SERVICES -d ${vip}/32' | sed s/-A/-D/)"`;
    await kernel.sh(
      tool === 'nft'
        ? `nft delete element ip causeway services '{ ${vip} . tcp . 8088 }'`
        : `printf '*nat\\n%s\\nCOMMIT\\n' ${rule} | ${tool}-restore --noflush`,
    );
    // Where nobody tells, the services are asked for in turn.
    await heard();
    expect(await mend()).toEqual([`firewall-apply ${tool} ipv4`]);
  });

  const dockers = (['iptables-nft', 'iptables-legacy'] as const).flatMap((docker) =>
    FAMILIES.map((family) => ({ docker, family })),
  );
  it.each(dockers)('when a Docker with $docker starts anew, $family', async ({ docker, family }) => {
    await kernel.sh(restoring(docker, family, dockerRules(family)));
    await mend();
    await watch();
    const kind = docker === tool ? 'firewall-apply' : 'firewall-beside';
    await isToldSoon(restoring(docker, family, DOCKER_STARTS_AGAIN), [`${kind} ${docker} ${family}`]);
  });

  it('but never when it is us', async () => {
    await kernel.sh(restoring('iptables-legacy', 'ipv6', dockerRules('ipv6')));
    await kernel.sh(restoring('iptables-nft', 'ipv4', dockerRules('ipv4')));
    await mend();
    await watch();
    const usual = intents;
    const changed = intents.map((intent) => ({ ...intent, masquerade: false }));
    await vi.waitFor(async () => {
      reasons.length = 0;
      for (const next of [changed, usual]) {
        intents = next;
        await mend();
      }
      expect(reasons).toEqual([]);
    }, PATIENCE);
  });

  if (tool !== 'nft')
    describe('with ipsets', () => {
      const policyOf = (family: Family, count: number): PolicyIntent => ({
        ...{ id: 'a1', subjects: [family === 'ipv4' ? '10.10.1.2' : 'fd00:10:0:1::2'] },
        ingress: {
          ...{ default: 'deny', deny: [], limited: [] },
          allow: Array.from({ length: count }, (_, i) => ({
            cidr: family === 'ipv4' ? `198.18.0.${i}/32` : `2001:db8::${i}/128`,
          })),
        },
      });
      const withMatches = (count: number) =>
        FAMILIES.map((family) => ({
          ...intentOf([testService(family)], family),
          policies: [policyOf(family, count)],
        }));
      const sets = { ipv4: 'CWY4-a1-TA', ipv6: 'CWY6-a1-TA' };

      beforeEach(() => {
        intents = withMatches(3);
      });

      it.each(FAMILIES)('when one of ours is emptied, changed, or not ours, %s', async (family) => {
        await watch();
        const mended = [`firewall-apply ${tool} ${family}`];
        await isToldSoon(`ipset flush ${sets[family]}`, mended);
        const other = family === 'ipv4' ? '198.18.9.9' : '2001:db8:9::9';
        await isToldSoon(`ipset add ${sets[family]} ${other}`, mended);
        await isToldSoon(`ipset create ${sets[family]}P-x hash:ip`, mended);
      });

      it('but never when it is us', async () => {
        await watch();
        // For some seconds, so that it is counted in the midst of it.
        for (let i = 1; i <= 30; i++) {
          const next = withMatches(i % 2 === 0 ? 3 : 9);
          const steps = planChange(intents, next, tool, RULESETS) ?? [];
          expect(steps).toHaveLength(2);
          for (const { fate } of await kernel.apply(steps)) expect(fate).toBe('done');
          intents = next;
        }
        await kernel.sh(`ipset flush ${sets.ipv4}`);
        await heard();
        // What is told is told in order.
        expect(reasons[0]).toBe(`the set ${sets.ipv4} has 0 elements, and should have 3`);
      });
    });

  if (tool === 'nft')
    it('and neither when the kernel takes what we write in many parts only', async () => {
      await mend();
      await watch();
      intents = intents.map((intent) =>
        intent.family === 'ipv4' ? { ...intent, services: manyServices(3_000) } : intent,
      );
      expect(await mend()).toEqual(['firewall-apply nft ipv4']);
      await kernel.sh(damage('ipv4'));
      await heard();
      // What is told is told in order.
      expect(reasons[0]).toContain('delete rule ip causeway services');
    });
});
