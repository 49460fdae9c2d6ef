import { describe, expect, it } from 'vitest';
import { hostWith, useConverger } from '../../../test/support/converging.ts';
import { endpoint, intentOf, serviceIntent, TEST_SERVICE } from '../../../test/support/intents.ts';
import type { Flow } from '../plan/flows.ts';
import { isFirewallStep } from '../plan/step.ts';
import type { Round } from './converge.ts';

/** Rules, and the flows that they leave behind. */
const own = useConverger();
const NOTHING = { network: false, firewall: false };

describe('services that change while the rules are suspected', () => {
  const EVERYTHING = { network: true, firewall: true };
  const serving = (port: number) => ({
    ...hostWith([2]),
    firewalls: [intentOf([{ ...TEST_SERVICE, port }]), intentOf([], 'ipv6')],
  });
  const rulesIn = ({ steps }: Round) => steps.flatMap((step) => (isFirewallStep(step) ? step.text : []));

  it('are changed, and are no reason to write all rules', async () => {
    await own.converger.round(serving(80), NOTHING);
    const round = await own.converger.round(serving(81), EVERYTHING);
    expect(rulesIn(round)).toEqual(['change the IPv4 rules of nft']);
    expect(round).toMatchObject({ firewallHeld: true, networkHeld: true, repairs: 0 });
    expect(own.kernel.looks.slice(1)).toMatchObject([{ network: {}, firewall: {} }]);
  });

  it.each([
    ['the service that stands', '2.2.2.3', ['change', 'write']],
    ['the whole table', undefined, ['write']],
  ])('are there with what is mended where somebody took %s', async (_what, vip, verbs) => {
    const both = (port: number) => {
      const standing = { ...TEST_SERVICE, id: 'standing', vip: '2.2.2.3', nodePort: 30999 };
      return {
        ...hostWith([2]),
        firewalls: [intentOf([{ ...TEST_SERVICE, port }, standing]), intentOf([], 'ipv6')],
      };
    };
    await own.converger.round(both(80), NOTHING);
    const table = own.kernel.firewalls.nft.ipv4;
    table.apply(
      vip === undefined ? 'delete table ip causeway\n' : `delete element ip causeway vips {\n  ${vip}\n}\n`,
    );
    const round = await own.converger.round(both(81), EVERYTHING);
    expect(rulesIn(round).map((text) => text.split(' ')[0])).toEqual(verbs);
    expect(round).toMatchObject({ firewallHeld: true, problems: [] });
    expect((await own.converger.round(both(81), EVERYTHING)).steps).toEqual([]);
  });
});

describe('stale flows of UDP', () => {
  const udp = (address: string) =>
    intentOf([
      serviceIntent({
        ...{ id: 'dns', vip: '2.2.2.2', protocol: 'udp', port: 53 },
        endpoints: [endpoint(address, 53)],
      }),
    ]);
  const serving = (address: string) => ({ ...hostWith([2]), firewalls: [udp(address)] });
  const flowTo = (address: string): Flow => ({
    protocol: 'udp',
    original: { source: '10.10.1.9', destination: '2.2.2.2', sourcePort: 4000, destinationPort: 53 },
    reply: { source: address, destination: '10.10.1.9', sourcePort: 53, destinationPort: 4000 },
    replied: true,
  });
  const flows = () => own.kernel.flows?.ipv4.map(({ reply }) => reply.source);

  it('are forgotten when the kernel holds the rules that rule them anew', async () => {
    await own.converger.round(serving('10.10.1.2'), NOTHING);
    own.kernel.flows = { ipv4: [flowTo('10.10.1.2'), flowTo('10.10.1.3')], ipv6: [] };
    const order: string[] = [];
    const { apply, forgetFlows } = own.kernel;
    own.kernel.apply = (steps) => {
      if (steps.length > 0) order.push('rules');
      return apply.call(own.kernel, steps);
    };
    own.kernel.forgetFlows = (asked) => {
      order.push('flows');
      return forgetFlows.call(own.kernel, asked);
    };
    const round = await own.converger.round(serving('10.10.1.3'), NOTHING);
    expect(round).toMatchObject({ forgotten: 1, flowsClean: true, problems: [] });
    expect([flows(), order]).toEqual([['10.10.1.3'], ['rules', 'flows']]);
  });

  it('stay for as long as the rules are not there, or nobody can list them', async () => {
    await own.converger.round(serving('10.10.1.2'), NOTHING);
    own.kernel.flows = { ipv4: [flowTo('10.10.1.2')], ipv6: [] };
    const { apply, listFlows } = own.kernel;
    own.kernel.apply = async (steps) =>
      steps.map((step) => ({ step, fate: 'failed', error: new Error('refused') }));
    const refused = await own.converger.round(serving('10.10.1.3'), NOTHING);
    expect([refused.flowsClean, flows()]).toEqual([false, ['10.10.1.2']]);
    own.kernel.apply = apply;
    own.kernel.listFlows = async () => Promise.reject(new Error('no memory'));
    const unlisted = await own.converger.round(serving('10.10.1.3'), NOTHING);
    expect(unlisted).toMatchObject({ firewallHeld: true, flowsClean: false, problems: ['no memory'] });
    own.kernel.listFlows = listFlows;
    expect(await own.converger.round(serving('10.10.1.3'), NOTHING)).toMatchObject({
      forgotten: 1,
      problems: [],
    });
    expect(flows()).toEqual([]);
  });
});
