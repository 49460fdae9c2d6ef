import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeKernel } from '../../../test/support/fake-kernel.ts';
import { endpoint, intentOf, serviceIntent } from '../../../test/support/intents.ts';
import { hostOf } from '../../../test/support/network-damage.ts';
import type { Flow } from '../plan/flows.ts';
import { type Fate, isFirewallStep } from '../plan/step.ts';
import { type Converger, createConverger, type Round, type Suspicion } from './converge.ts';
import { leavingOut } from './left-out.ts';

const CHANGE = { network: false, firewall: false };
const LOOK = { network: false, firewall: true };
const [A, B, C] = ['10.10.1.2', '10.10.1.3', '10.10.1.4'].map((address) => endpoint(address)) as [
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
];
const OTHER = serviceIntent({ id: 'other', vip: '2.2.2.9', endpoints: [A] });
const web = (more: Partial<ServiceIntent>) =>
  serviceIntent({ id: 'web', vip: '2.2.2.2', nodePort: 30001, endpoints: [A, B], ...more });

/** The services that the kernel refuses; a line of theirs is their id. */
let refused: (service: ServiceIntent) => boolean;
let held: readonly FirewallIntent[];
let tries: number;
let converger: Converger;
beforeEach(() => {
  [refused, held, tries] = [() => false, [], 0];
  const speaking = ({ services }: FirewallIntent, lines: readonly string[]) =>
    services.filter(({ id }) => lines.includes(id));
  converger = leavingOut(
    { round: async ({ firewalls }, suspicion) => round(firewalls, suspicion) },
    { nftables: { ...nftables, speaking }, iptables },
  );
});

/** As a kernel that takes all or nothing, and looks as it should otherwise. */
function round(firewalls: readonly FirewallIntent[], { firewall }: Suspicion): Round {
  tries += 1;
  const fates = firewalls.flatMap((intent): Fate[] => {
    const lines = intent.services.filter((service) => refused(service)).map(({ id }) => id);
    if (lines.length === 0) return [];
    const { family } = intent;
    const reasons = firewall ? ['it differs'] : [];
    const told = { tool: 'nft' as const, family, intent, input: 'rules', reasons, text: 'write rules' };
    return [
      { step: { kind: 'firewall-apply', ...told }, fate: 'failed', error: new Error('no'), refused: lines },
    ];
  });
  if (fates.length === 0) held = firewalls;
  return {
    ...{ steps: fates.map(({ step }) => step), fates, problems: [], repairs: 0, forgotten: 0 },
    ...{ firewallHeld: fates.length === 0, networkHeld: true, flowsClean: fates.length === 0 },
    ...{ peers: [], peersWanted: 0, peersInstalled: 0 },
  };
}

const serve = (suspicion: Suspicion, ...services: readonly ServiceIntent[]) =>
  converger.round(
    { ...hostOf({ families: 'ipv4', backend: 'host-gw', peers: [] }), firewalls: [intentOf(services)] },
    suspicion,
  );
const served = () => held[0]?.services;

it('lets a service that was never taken hold up no other, and tells of it', async () => {
  refused = ({ id }) => id === 'web';
  expect(await serve(LOOK, OTHER, web({}))).toMatchObject({
    ...{ firewallHeld: true, leftOut: 1 },
    problems: [expect.stringMatching(/^left out of the rules, .*: service web \(IPv4\): /)],
  });
  expect(served()).toEqual([OTHER]);
});

it('goes on without a new look, and takes it when it is not refused any more, or differs', async () => {
  const first = web({});
  refused = (service) => service === first;
  await serve(LOOK, OTHER, first);
  tries = 0;
  expect(await serve(CHANGE, first)).toMatchObject({ firewallHeld: true, leftOut: 1 });
  expect([served(), tries]).toEqual([[], 1]);
  const second = web({ port: 81 });
  expect((await serve(CHANGE, second)).leftOut).toBeUndefined();
  expect(served()).toEqual([second]);
  await serve(LOOK, first);
  refused = () => false;
  expect((await serve(LOOK, first)).leftOut).toBeUndefined();
  expect(served()).toEqual([first]);
});

describe('a service that was taken before', () => {
  const old = web({});
  /** Refuses every definition but the first, and looks after it. */
  const change = async (to: ServiceIntent, ...others: readonly ServiceIntent[]) => {
    const { endpoints } = old;
    refused = (one) => one.id === 'web' && !(one.port === old.port && one.endpoints.every(isIn(endpoints)));
    expect(await serve(CHANGE, to, ...others)).toMatchObject({ firewallHeld: false });
    expect(await serve(LOOK, to, ...others)).toMatchObject({
      ...{ firewallHeld: true, leftOut: 1 },
      problems: [expect.stringMatching(/^left out of the rules, .*: service web \(IPv4\): /)],
    });
    return served();
  };
  beforeEach(async () => {
    await serve(LOOK, old, OTHER);
  });

  it('keeps its old definition, in its place, through changes and looks', async () => {
    const to = web({ port: 81, vip: '2.2.2.3' });
    expect(await change(to, OTHER)).toEqual([OTHER, old]);
    const more = serviceIntent({ id: 'zoo', vip: '2.2.2.8', endpoints: [A] });
    expect(await serve(CHANGE, to, OTHER, more)).toMatchObject({ firewallHeld: true, leftOut: 1 });
    expect(served()).toEqual([OTHER, old, more]);
    expect(await serve(LOOK, to, OTHER)).toMatchObject({ leftOut: 1 });
    expect(await change(web({ port: 82 }), OTHER)).toEqual([OTHER, old]);
    await serve(CHANGE, OTHER);
    expect(served()).toEqual([OTHER]);
  });

  it('leads nobody to what is gone from the new one, and back when that is there again', async () => {
    const drained = [endpoint('10.10.1.9')];
    expect(await change(web({ port: 81, endpoints: [A, C], keeping: [B], drained }))).toEqual([
      { ...old, endpoints: [A], keeping: [B], drained },
    ]);
    expect(await change(web({ port: 81, endpoints: [C] }))).toEqual([]);
    expect(await change(web({ port: 82, endpoints: [B, C] }))).toEqual([{ ...old, endpoints: [B] }]);
  });

  it.each([
    ['VIP', { vip: '2.2.2.2', nodePort: 30002 }],
    ['NodePort', { vip: '2.2.2.7', nodePort: 30001 }],
  ])('is left out where another has its %s', async (_, has) => {
    const other = serviceIntent({ id: 'next', endpoints: [A], ...has });
    expect(await change(web({ port: 81, vip: '2.2.2.3', nodePort: 30003 }), other)).toEqual([other]);
  });

  it('is left out where the kernel does not take the old one either', async () => {
    refused = ({ id }) => id === 'web';
    expect(await serve(LOOK, web({ port: 81 }), OTHER)).toMatchObject({ firewallHeld: true, leftOut: 1 });
    expect(served()).toEqual([OTHER]);
    tries = 0;
    await serve(LOOK, old, OTHER);
    expect(tries).toBe(2);
  });
});

it('keeps the flows that the rules in the kernel rule, and no others', async () => {
  const kernel = new FakeKernel();
  const { apply } = kernel;
  kernel.apply = async (steps) => {
    const rules = steps.filter(isFirewallStep);
    const lines = rules.flatMap(({ input }) => input.split('\n').filter((line) => /2\.2\.2\.3/.test(line)));
    if (lines.length === 0) return apply.call(kernel, steps);
    return rules.map((step) => ({ step, fate: 'failed', error: new Error('no'), refused: lines }));
  };
  const rulesets = { nftables, iptables };
  converger = leavingOut(createConverger({ kernel, rulesets, tool: 'nft' }), rulesets);
  const flow = (address: string): Flow => ({
    protocol: 'udp',
    original: { source: '10.10.1.9', destination: '2.2.2.2', sourcePort: 4000, destinationPort: 80 },
    reply: { source: address, destination: '10.10.1.9', sourcePort: A.port, destinationPort: 4000 },
    replied: true,
  });
  const flows = [A, B, C].map(({ address }) => flow(address));
  await serve(LOOK, web({ protocol: 'udp', endpoints: [A, B, C] }));
  kernel.flows = { ipv4: flows, ipv6: [] };
  const to = web({ protocol: 'udp', vip: '2.2.2.3', endpoints: [A], keeping: [B] });
  expect(await serve(CHANGE, to)).toMatchObject({ firewallHeld: false });
  expect(await serve(LOOK, to)).toMatchObject({ firewallHeld: true, leftOut: 1, forgotten: 1 });
  expect(kernel.flows.ipv4).toEqual(flows.slice(0, 2));
});

function isIn(all: readonly { readonly address: string }[]) {
  return (one: { readonly address: string }) => all.some(({ address }) => address === one.address);
}
