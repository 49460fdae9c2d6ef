import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Converger, createConverger } from '../../node-agent/src/loop/converge.ts';
import { leavingOut } from '../../node-agent/src/loop/left-out.ts';
import { dataplaneOf, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import type { Ruleset } from '../../shared/src/rules/ruleset.ts';
import { endpoint, intentOf, serviceIntent, TEST_SERVICE } from '../support/intents.ts';
import { hostOf } from '../support/network-damage.ts';
import { openRealKernel, type RealKernel, useKernelDriver } from '../support/real-kernel.ts';

/** A rule set that a real kernel refuses, in the midst of what it takes. */
interface Tool {
  readonly tool: FirewallTool;
  /** Spoils the rules of a service, told by its address and its id. */
  readonly service: readonly [RegExp, string];
  /** Spoils those of `GROWN`, and not those of `BAD`. */
  readonly grown: readonly [RegExp, string];
  /** Spoils a rule that is no service's. */
  readonly base: readonly [RegExp, string];
  readonly save: string;
}

const IPTABLES: Pick<Tool, 'service' | 'grown' | 'base'> = {
  grown: [/ -j DNAT --to-destination 10\.10\.1\.7/, ' -m nosuch$&'],
  service: [/(--comment "bad") -j DNAT/, '$1 -m nosuch -j DNAT'],
  base: [/ --random-fully$/m, ' --nonsense'],
};
const saveOf = (variant: string) =>
  `for t in mangle nat filter; do iptables-${variant}-save -t $t; done | sed '/^#/d; s/\\[[0-9]*:[0-9]*\\]//'`;

const tools: readonly Tool[] = [
  {
    tool: 'nft',
    service: [/(2\.2\.2\.9 \. tcp \. 90 : goto) pick1/, '$1 nowhere'],
    grown: [/(2\.2\.2\.9 \. tcp \. 90 : goto) pick3/, '$1 nowhere'],
    base: [/masquerade fully-random/, 'masquerade nonsense'],
    save: 'nft list table ip causeway',
  },
  { tool: 'iptables-nft', ...IPTABLES, save: saveOf('nft') },
  { tool: 'iptables-legacy', ...IPTABLES, save: saveOf('legacy') },
];

const NOTHING = { network: false, firewall: false };
const RULES = { network: false, firewall: true };
const BAD = serviceIntent({ id: 'bad', vip: '2.2.2.9', port: 90, endpoints: [endpoint('10.10.1.9')] });
const GROWN = { ...BAD, endpoints: [endpoint('10.10.1.6'), endpoint('10.10.1.7'), ...BAD.endpoints] };
const [GOOD, BETTER] = ['good', 'better'].map((id, i) =>
  serviceIntent({ id, vip: `2.2.2.${i + 3}`, port: 90, endpoints: [endpoint('10.10.1.3')] }),
) as [ServiceIntent, ServiceIntent];

const driver = useKernelDriver();

describe.each(tools)('what $tool refuses', ({ tool, service, grown, base, save }) => {
  let kernel: RealKernel;
  let converger: Converger;
  let spoil: readonly [RegExp, string] | undefined;
  beforeEach(async () => {
    kernel = await openRealKernel(driver.path);
    spoil = undefined;
    const rulesets = { nftables: spoilt(nftables), iptables: spoilt(iptables) };
    converger = leavingOut(createConverger({ kernel, rulesets, tool }), rulesets);
    await converger.round(host(OLD), RULES);
  });
  afterEach(() => kernel.close());

  const spoilt = (ruleset: Ruleset): Ruleset => {
    const spoiler = (input: string) => (spoil === undefined ? input : input.replace(...spoil));
    return {
      ...ruleset,
      full: (intent, listing) => spoiler(ruleset.full(intent, listing)),
      change: (from, to) => spoiler(ruleset.change(from, to)),
    };
  };
  const held = () => kernel.sh(save);
  const driftFrom = async (intent: FirewallIntent) => {
    const { firewall } = await kernel.observe({ firewall: { tool, intents: [intent] } });
    const ruleset = { nftables, iptables }[dataplaneOf(tool)];
    return ruleset.drift(intent, firewall?.listings[0]?.listing ?? '');
  };

  it('changes nothing, is told with its lines, and is left out of the full run that follows', async () => {
    const before = await held();
    spoil = service;
    const all = host(intentOf([TEST_SERVICE, GOOD, BAD]));
    const refused = await converger.round(all, NOTHING);
    expect(refused).toMatchObject({ firewallHeld: false, problems: [expect.stringMatching(OFFENDING)] });
    expect(refused.problems[0]).not.toMatch(/\n/);
    expect(await held()).toBe(before);

    const full = await converger.round(all, RULES);
    expect(full).toMatchObject({ firewallHeld: true, leftOut: 1 });
    expect(full.problems).toEqual([
      expect.stringMatching(
        /^left out of the rules, which the kernel refuses with it: service bad \(IPv4\): /,
      ),
    ]);
    expect(full.problems[0]).toMatch(OFFENDING);
    expect(await driftFrom(intentOf([TEST_SERVICE, GOOD]))).toEqual([]);
  });

  it('holds up no other service, is tried again with each look, and comes when the cause is gone', async () => {
    spoil = service;
    await converger.round(host(intentOf([TEST_SERVICE, BAD])), RULES);
    const more = host(intentOf([TEST_SERVICE, BAD, BETTER]));
    const change = await converger.round(more, NOTHING);
    expect(change).toMatchObject({ firewallHeld: true, leftOut: 1 });
    expect(change.steps.map((step) => ('reasons' in step ? step.reasons : step.kind))).toEqual([[]]);
    expect(await converger.round(more, RULES)).toMatchObject({ firewallHeld: true, leftOut: 1 });
    expect(await driftFrom(intentOf([TEST_SERVICE, BETTER]))).toEqual([]);
    spoil = undefined;
    const healed = await converger.round(more, RULES);
    expect(healed).toMatchObject({ firewallHeld: true, problems: [] });
    expect(healed.leftOut).toBeUndefined();
    expect(await driftFrom(intentOf([TEST_SERVICE, BAD, BETTER]))).toEqual([]);
  });

  it('keeps what it was taken with before, without the endpoints that are gone', async () => {
    const old = { ...BAD, endpoints: [endpoint('10.10.1.8'), ...BAD.endpoints] };
    await converger.round(host(intentOf([TEST_SERVICE, old])), RULES);
    spoil = grown;
    const all = host(intentOf([TEST_SERVICE, GOOD, GROWN]));
    expect(await converger.round(all, NOTHING)).toMatchObject({ firewallHeld: false });
    for (let i = 0; i < 2; i++) {
      expect(await converger.round(all, RULES)).toMatchObject({ firewallHeld: true, leftOut: 1 });
      expect(await driftFrom(intentOf([TEST_SERVICE, GOOD, BAD]))).toEqual([]);
    }
    spoil = undefined;
    expect(await converger.round(all, RULES)).toMatchObject({ firewallHeld: true, problems: [] });
    expect(await driftFrom(intentOf([TEST_SERVICE, GOOD, GROWN]))).toEqual([]);
  });

  it('leaves everything as it was when it is no service, and heals by itself', async () => {
    const before = await held();
    spoil = base;
    const other = host({ ...intentOf([TEST_SERVICE, GOOD]), nonMasqueradeCidrs: ['192.0.2.0/24'] });
    for (let i = 0; i < 2; i++) {
      const refused = await converger.round(other, RULES);
      expect(refused).toMatchObject({ firewallHeld: false });
      expect(refused.problems).toEqual([expect.stringMatching(/nonsense/)]);
      expect(await held()).toBe(before);
    }
    spoil = undefined;
    expect(await converger.round(other, RULES)).toMatchObject({ firewallHeld: true, problems: [] });
  });
});

/** A line of the service that is spoilt. */
const OFFENDING = /line \d+: .*(2\.2\.2\.9 \. tcp \. 90|--comment "bad")/;
const OLD = intentOf([TEST_SERVICE]);

function host(intent: FirewallIntent) {
  const { bridge, ...rest } = hostOf({ families: 'ipv4', backend: 'host-gw', peers: [] });
  return { ...rest, bridge, firewalls: [intent] };
}
