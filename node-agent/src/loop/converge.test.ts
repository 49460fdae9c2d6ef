import type { DesiredHost } from '@causeway/shared/desired/host';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeKernel } from '../../../test/support/fake-kernel.ts';
import { connectedRoute } from '../../../test/support/fake-routes.ts';
import { endpoint, intentOf, serviceIntent, TEST_SERVICE } from '../../../test/support/intents.ts';
import { hostOf } from '../../../test/support/network-damage.ts';
import type { Look } from '../kernel/kernel.ts';
import type { Flow } from '../plan/flows.ts';
import { isFirewallStep } from '../plan/step.ts';
import { type Converger, createConverger, type Round } from './converge.ts';

const rulesets = { nftables, iptables };
const NOTHING = { network: false, firewall: false };
const NETWORK = { network: true, firewall: false };

/** A kernel that counts what is asked of it. */
class WatchedKernel extends FakeKernel {
  readonly looks: Look[] = [];
  override observe(look: Look) {
    this.looks.push(look);
    return super.observe(look);
  }
}

let kernel: WatchedKernel;
let converger: Converger;
beforeEach(() => {
  kernel = new WatchedKernel();
  kernel.addLink('eth0', { type: 'physical', up: true, addresses: ['192.168.122.11/24', 'fd00:122::11/64'] });
  kernel.routes = [connectedRoute('192.168.122.0/24', 'eth0'), connectedRoute('fd00:122::/64', 'eth0')];
  for (const path of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) kernel.sysctls.set(path, '0');
  converger = createConverger({ kernel, rulesets, tool: 'nft' });
});

const backends = ['host-gw', 'vxlan'] as const;
const host = (peers: readonly number[], backend: (typeof backends)[number] = 'host-gw'): DesiredHost => ({
  ...hostOf({ families: 'dual', backend, peers }),
  firewalls: [intentOf([TEST_SERVICE]), intentOf([], 'ipv6')],
});
const ours = () => kernel.routes.filter(({ protocol }) => protocol === 88).map((route) => route.destination);

describe.each(backends)('with %s', (backend) => {
  it('looks at the kernel once, and follows peers without a look from then on', async () => {
    const first = await converger.round(host([2, 3], backend), NOTHING);
    expect(first).toMatchObject({
      networkHeld: true,
      firewallHeld: true,
      peersWanted: 4,
      peersInstalled: 4,
      peers: [],
    });
    expect(kernel.looks).toHaveLength(1);
    const second = await converger.round(host([3, 4, 5], backend), NOTHING);
    expect(second).toMatchObject({ networkHeld: true, peersWanted: 6, peersInstalled: 6, repairs: 0 });
    expect(second.steps.length).toBeGreaterThan(5);
    expect((await converger.round(host([3, 4, 5], backend), NOTHING)).steps).toEqual([]);
    expect(kernel.looks).toHaveLength(1);
    expect(ours().sort()).toEqual(
      host([3, 4, 5])
        .routes.map(({ destination }) => destination)
        .sort(),
    );
    expect(
      (await converger.round(host([3, 4, 5], backend), { network: true, firewall: true })).steps,
    ).toEqual([]);
  });
});

it('looks again when more than peers differ', async () => {
  await converger.round(host([2]), NOTHING);
  const desired = host([2]);
  await converger.round({ ...desired, bridge: { ...desired.bridge, mtu: 1400 } }, NOTHING);
  expect(kernel.looks.slice(1)).toMatchObject([{ network: {} }]);
  expect(kernel.link('cwy0').mtu).toBe(1400);
});

it('finds what stands in the way of a peer that it had not looked for, and tells of it per peer', async () => {
  await converger.round(host([2]), NOTHING);
  const way = {
    family: 'ipv4' as const,
    destination: '10.10.3.0/24',
    type: 'unicast',
    device: 'eth0',
    metric: 0,
  };
  kernel.routes.push({ ...way, gateway: '192.168.122.99', protocol: 3 });
  const round = await converger.round(host([2, 3]), NOTHING);
  expect(round.peers).toEqual([
    {
      subnet: '10.10.3.0/24',
      publicIp: '192.168.122.13',
      node: 'host-3',
      state: 'failed',
      path: 'direct',
      reason: expect.any(String),
    },
  ]);
  expect(round).toMatchObject({ peersWanted: 4, peersInstalled: 3, networkHeld: true });
  expect(round.problems).toEqual([expect.stringMatching(/a route that is not ours leads elsewhere/)]);
  expect(ours()).toContain('fd00:10:0:3::/64');
  // It stays blocked without a look, and is no reason for one.
  const looks = kernel.looks.length;
  expect(await converger.round(host([2, 3, 4]), NOTHING)).toMatchObject({
    peersWanted: 6,
    peersInstalled: 5,
  });
  expect(kernel.looks).toHaveLength(looks);
  kernel.routes = kernel.routes.filter(({ protocol }) => protocol !== 3);
  expect(await converger.round(host([2, 3, 4]), NETWORK)).toMatchObject({ peersInstalled: 6, peers: [] });
});

it('tells of the peer behind a tunnel that lacks its neighbour or its entry', async () => {
  const { bridge } = kernel;
  kernel.bridge = (step) => {
    if (step.kind === 'forwarding-replace' && step.remote.endsWith('.13')) throw new Error('no memory');
    bridge.call(kernel, step);
  };
  const round = await converger.round(host([2, 3], 'vxlan'), NOTHING);
  expect(round.peers).toMatchObject([
    { subnet: '10.10.3.0/24', state: 'failed', path: 'tunnel', reason: expect.stringMatching(/no memory/) },
  ]);
  expect(round).toMatchObject({ networkHeld: false, peersWanted: 4, peersInstalled: 3 });
  kernel.bridge = bridge;
  expect(await converger.round(host([2, 3], 'vxlan'), NOTHING)).toMatchObject({
    networkHeld: true,
    peers: [],
  });
});

it('tells of all peers behind a tunnel that could not be put right', async () => {
  const desired = host([2, 3], 'vxlan');
  await converger.round(desired, NOTHING);
  const { ip } = kernel;
  kernel.ip = (step) => {
    if (step.kind === 'tunnel-mac') throw new Error('device is busy');
    ip.call(kernel, step);
  };
  const [first, ...rest] = desired.tunnels;
  if (first === undefined) throw new Error('there is a tunnel');
  const changed = { ...desired, tunnels: [{ ...first, mac: '02:00:00:00:00:99' }, ...rest] };
  const round = await converger.round(changed, NOTHING);
  expect(round).toMatchObject({ networkHeld: false, peersWanted: 4, peersInstalled: 2 });
  expect(round.peers).toMatchObject([
    { subnet: '10.10.2.0/24', state: 'failed', reason: expect.stringMatching(/is busy/) },
    { subnet: '10.10.3.0/24', state: 'failed', reason: expect.stringMatching(/is busy/) },
  ]);
});

describe('where one part cannot be looked at', () => {
  const blindFor = (part: keyof Look) => {
    const { observe } = kernel;
    kernel.observe = (look) =>
      part in look ? Promise.reject(new Error(`no ${part} today`)) : observe.call(kernel, look);
    return () => {
      kernel.observe = observe;
    };
  };

  it('follows peers while rules cannot be', async () => {
    const see = blindFor('firewall');
    for (const peers of [[2], [2, 3]])
      expect(await converger.round(host(peers), NOTHING)).toMatchObject({
        ...{ networkHeld: true, firewallHeld: false, problems: ['no firewall today'] },
        ...{ peersWanted: 2 * peers.length, peersInstalled: 2 * peers.length },
      });
    expect(ours()).toHaveLength(4);
    see();
    expect(await converger.round(host([2, 3]), NOTHING)).toMatchObject({ firewallHeld: true, problems: [] });
  });

  it('follows services while links and routes cannot be, and calls no peer installed that came since', async () => {
    await converger.round(host([2]), NOTHING);
    const see = blindFor('network');
    const blind = await converger.round({ ...host([2, 3]), firewalls: [intentOf([])] }, NETWORK);
    expect(blind).toMatchObject({ networkHeld: false, firewallHeld: true, problems: ['no network today'] });
    expect(blind).toMatchObject({ peersWanted: 4, peersInstalled: 2 });
    see();
    expect(await converger.round(host([2, 3]), NOTHING)).toMatchObject({
      networkHeld: true,
      peersInstalled: 4,
    });
  });

  it('says so when neither can be', async () => {
    kernel.observe = () => Promise.reject(new Error('nothing today'));
    await expect(converger.round(host([2]), NOTHING)).rejects.toThrow('nothing today');
  });
});

it('counts as repairs what no change of the desired host asks for', async () => {
  await converger.round(host([2, 3]), NOTHING);
  kernel.routes = kernel.routes.filter(({ destination }) => destination !== '10.10.2.0/24');
  expect(await converger.round(host([2, 3, 4]), NETWORK)).toMatchObject({ repairs: 1, networkHeld: true });
  kernel.deleteLink('cwy0');
  expect((await converger.round(host([2, 3, 4]), NETWORK)).repairs).toBeGreaterThan(2);
  expect((await converger.round(host([2, 3, 4]), NETWORK)).repairs).toBe(0);
});

it('counts what was repaired before another part had to be tried again', async () => {
  await converger.round(host([2]), NOTHING);
  kernel.firewalls.nft.ipv4.apply('delete table ip causeway\n');
  const { apply } = kernel;
  kernel.apply = async (steps) => {
    kernel.apply = apply;
    const refused = steps.filter((step) => step.kind === 'route-add');
    const fates = await apply.call(
      kernel,
      steps.filter((step) => step.kind !== 'route-add'),
    );
    return [...fates, ...refused.map((step) => ({ step, fate: 'failed' as const, error: new Error('no') }))];
  };
  const round = await converger.round(host([2, 3]), { network: false, firewall: true });
  expect(round).toMatchObject({ repairs: 1, networkHeld: true, firewallHeld: true });
});

describe('services that change while the rules are suspected', () => {
  const EVERYTHING = { network: true, firewall: true };
  const serving = (port: number) => ({
    ...host([2]),
    firewalls: [intentOf([{ ...TEST_SERVICE, port }]), intentOf([], 'ipv6')],
  });
  const rulesIn = ({ steps }: Round) => steps.flatMap((step) => (isFirewallStep(step) ? step.text : []));

  it('are changed, and are no reason to write all rules', async () => {
    await converger.round(serving(80), NOTHING);
    const round = await converger.round(serving(81), EVERYTHING);
    expect(rulesIn(round)).toEqual(['change the IPv4 rules of nft']);
    expect(round).toMatchObject({ firewallHeld: true, networkHeld: true, repairs: 0 });
    expect(kernel.looks.slice(1)).toMatchObject([{ network: {}, firewall: {} }]);
  });

  it.each([
    ['the service that stands', '2.2.2.3', ['change', 'write']],
    ['the whole table', undefined, ['write']],
  ])('are there with what is mended where somebody took %s', async (_what, vip, verbs) => {
    const both = (port: number) => {
      const standing = { ...TEST_SERVICE, id: 'standing', vip: '2.2.2.3', nodePort: 30999 };
      return {
        ...host([2]),
        firewalls: [intentOf([{ ...TEST_SERVICE, port }, standing]), intentOf([], 'ipv6')],
      };
    };
    await converger.round(both(80), NOTHING);
    const table = kernel.firewalls.nft.ipv4;
    table.apply(
      vip === undefined ? 'delete table ip causeway\n' : `delete element ip causeway vips {\n  ${vip}\n}\n`,
    );
    const round = await converger.round(both(81), EVERYTHING);
    expect(rulesIn(round).map((text) => text.split(' ')[0])).toEqual(verbs);
    expect(round).toMatchObject({ firewallHeld: true, problems: [] });
    expect((await converger.round(both(81), EVERYTHING)).steps).toEqual([]);
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
  const serving = (address: string) => ({ ...host([2]), firewalls: [udp(address)] });
  const flowTo = (address: string): Flow => ({
    protocol: 'udp',
    original: { source: '10.10.1.9', destination: '2.2.2.2', sourcePort: 4000, destinationPort: 53 },
    reply: { source: address, destination: '10.10.1.9', sourcePort: 53, destinationPort: 4000 },
    replied: true,
  });
  const flows = () => kernel.flows?.ipv4.map(({ reply }) => reply.source);

  it('are forgotten when the kernel holds the rules that rule them anew', async () => {
    await converger.round(serving('10.10.1.2'), NOTHING);
    kernel.flows = { ipv4: [flowTo('10.10.1.2'), flowTo('10.10.1.3')], ipv6: [] };
    const order: string[] = [];
    const { apply, forgetFlows } = kernel;
    kernel.apply = (steps) => {
      if (steps.length > 0) order.push('rules');
      return apply.call(kernel, steps);
    };
    kernel.forgetFlows = (asked) => {
      order.push('flows');
      return forgetFlows.call(kernel, asked);
    };
    const round = await converger.round(serving('10.10.1.3'), NOTHING);
    expect(round).toMatchObject({ forgotten: 1, flowsClean: true, problems: [] });
    expect([flows(), order]).toEqual([['10.10.1.3'], ['rules', 'flows']]);
  });

  it('stay for as long as the rules are not there, or nobody can list them', async () => {
    await converger.round(serving('10.10.1.2'), NOTHING);
    kernel.flows = { ipv4: [flowTo('10.10.1.2')], ipv6: [] };
    const { apply, listFlows } = kernel;
    kernel.apply = async (steps) =>
      steps.map((step) => ({ step, fate: 'failed', error: new Error('refused') }));
    const refused = await converger.round(serving('10.10.1.3'), NOTHING);
    expect([refused.flowsClean, flows()]).toEqual([false, ['10.10.1.2']]);
    kernel.apply = apply;
    kernel.listFlows = async () => Promise.reject(new Error('no memory'));
    const unlisted = await converger.round(serving('10.10.1.3'), NOTHING);
    expect(unlisted).toMatchObject({ firewallHeld: true, flowsClean: false, problems: ['no memory'] });
    kernel.listFlows = listFlows;
    expect(await converger.round(serving('10.10.1.3'), NOTHING)).toMatchObject({
      forgotten: 1,
      problems: [],
    });
    expect(flows()).toEqual([]);
  });
});
