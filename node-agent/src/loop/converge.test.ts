import { describe, expect, it } from 'vitest';
import { hostWith, useConverger } from '../../../test/support/converging.ts';
import { intentOf } from '../../../test/support/intents.ts';
import type { Look } from '../kernel/kernel.ts';

/** Links, routes and peers. */
const own = useConverger();
const NOTHING = { network: false, firewall: false };
const NETWORK = { network: true, firewall: false };
const backends = ['host-gw', 'vxlan'] as const;
const ours = () =>
  own.kernel.routes.filter(({ protocol }) => protocol === 88).map((route) => route.destination);

describe.each(backends)('with %s', (backend) => {
  it('looks at the kernel once, and follows peers without a look from then on', async () => {
    const first = await own.converger.round(hostWith([2, 3], backend), NOTHING);
    expect(first).toMatchObject({
      networkHeld: true,
      firewallHeld: true,
      peersWanted: 4,
      peersInstalled: 4,
      peers: [],
    });
    expect(own.kernel.looks).toHaveLength(1);
    const second = await own.converger.round(hostWith([3, 4, 5], backend), NOTHING);
    expect(second).toMatchObject({ networkHeld: true, peersWanted: 6, peersInstalled: 6, repairs: 0 });
    expect(second.steps.length).toBeGreaterThan(5);
    expect((await own.converger.round(hostWith([3, 4, 5], backend), NOTHING)).steps).toEqual([]);
    expect(own.kernel.looks).toHaveLength(1);
    expect(ours().sort()).toEqual(
      hostWith([3, 4, 5])
        .routes.map(({ destination }) => destination)
        .sort(),
    );
    expect(
      (await own.converger.round(hostWith([3, 4, 5], backend), { network: true, firewall: true })).steps,
    ).toEqual([]);
  });
});

it('looks again when more than peers differ', async () => {
  await own.converger.round(hostWith([2]), NOTHING);
  const desired = hostWith([2]);
  await own.converger.round({ ...desired, bridge: { ...desired.bridge, mtu: 1400 } }, NOTHING);
  expect(own.kernel.looks.slice(1)).toMatchObject([{ network: {} }]);
  expect(own.kernel.link('cwy0').mtu).toBe(1400);
});

it('finds what stands in the way of a peer that it had not looked for, and tells of it per peer', async () => {
  await own.converger.round(hostWith([2]), NOTHING);
  const way = {
    family: 'ipv4' as const,
    destination: '10.10.3.0/24',
    type: 'unicast',
    device: 'eth0',
    metric: 0,
  };
  own.kernel.routes.push({ ...way, gateway: '192.168.122.99', protocol: 3 });
  const round = await own.converger.round(hostWith([2, 3]), NOTHING);
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
  const looks = own.kernel.looks.length;
  expect(await own.converger.round(hostWith([2, 3, 4]), NOTHING)).toMatchObject({
    peersWanted: 6,
    peersInstalled: 5,
  });
  expect(own.kernel.looks).toHaveLength(looks);
  own.kernel.routes = own.kernel.routes.filter(({ protocol }) => protocol !== 3);
  expect(await own.converger.round(hostWith([2, 3, 4]), NETWORK)).toMatchObject({
    peersInstalled: 6,
    peers: [],
  });
});

it('tells of the peer behind a tunnel that lacks its neighbour or its entry', async () => {
  const { bridge } = own.kernel;
  own.kernel.bridge = (step) => {
    if (step.kind === 'forwarding-replace' && step.remote.endsWith('.13')) throw new Error('no memory');
    bridge.call(own.kernel, step);
  };
  const round = await own.converger.round(hostWith([2, 3], 'vxlan'), NOTHING);
  expect(round.peers).toMatchObject([
    { subnet: '10.10.3.0/24', state: 'failed', path: 'tunnel', reason: expect.stringMatching(/no memory/) },
  ]);
  expect(round).toMatchObject({ networkHeld: false, peersWanted: 4, peersInstalled: 3 });
  own.kernel.bridge = bridge;
  expect(await own.converger.round(hostWith([2, 3], 'vxlan'), NOTHING)).toMatchObject({
    networkHeld: true,
    peers: [],
  });
});

it('tells of all peers behind a tunnel that could not be put right', async () => {
  const desired = hostWith([2, 3], 'vxlan');
  await own.converger.round(desired, NOTHING);
  const { ip } = own.kernel;
  own.kernel.ip = (step) => {
    if (step.kind === 'tunnel-mac') throw new Error('device is busy');
    ip.call(own.kernel, step);
  };
  const [first, ...rest] = desired.tunnels;
  if (first === undefined) throw new Error('there is a tunnel');
  const changed = { ...desired, tunnels: [{ ...first, mac: '02:00:00:00:00:99' }, ...rest] };
  const round = await own.converger.round(changed, NOTHING);
  expect(round).toMatchObject({ networkHeld: false, peersWanted: 4, peersInstalled: 2 });
  expect(round.peers).toMatchObject([
    { subnet: '10.10.2.0/24', state: 'failed', reason: expect.stringMatching(/is busy/) },
    { subnet: '10.10.3.0/24', state: 'failed', reason: expect.stringMatching(/is busy/) },
  ]);
});

describe('where one part cannot be looked at', () => {
  const blindFor = (part: keyof Look) => {
    const { observe } = own.kernel;
    own.kernel.observe = (look) =>
      part in look ? Promise.reject(new Error(`no ${part} today`)) : observe.call(own.kernel, look);
    return () => {
      own.kernel.observe = observe;
    };
  };

  it('follows peers while rules cannot be', async () => {
    const see = blindFor('firewall');
    for (const peers of [[2], [2, 3]])
      expect(await own.converger.round(hostWith(peers), NOTHING)).toMatchObject({
        ...{ networkHeld: true, firewallHeld: false, problems: ['no firewall today'] },
        ...{ peersWanted: 2 * peers.length, peersInstalled: 2 * peers.length },
      });
    expect(ours()).toHaveLength(4);
    see();
    expect(await own.converger.round(hostWith([2, 3]), NOTHING)).toMatchObject({
      firewallHeld: true,
      problems: [],
    });
  });

  it('follows services while links and routes cannot be, and calls no peer installed that came since', async () => {
    await own.converger.round(hostWith([2]), NOTHING);
    const see = blindFor('network');
    const blind = await own.converger.round({ ...hostWith([2, 3]), firewalls: [intentOf([])] }, NETWORK);
    expect(blind).toMatchObject({ networkHeld: false, firewallHeld: true, problems: ['no network today'] });
    expect(blind).toMatchObject({ peersWanted: 4, peersInstalled: 2 });
    see();
    expect(await own.converger.round(hostWith([2, 3]), NOTHING)).toMatchObject({
      networkHeld: true,
      peersInstalled: 4,
    });
  });

  it('says so when neither can be', async () => {
    own.kernel.observe = () => Promise.reject(new Error('nothing today'));
    await expect(own.converger.round(hostWith([2]), NOTHING)).rejects.toThrow('nothing today');
  });
});

it('counts as repairs what no change of the desired host asks for', async () => {
  await own.converger.round(hostWith([2, 3]), NOTHING);
  own.kernel.routes = own.kernel.routes.filter(({ destination }) => destination !== '10.10.2.0/24');
  expect(await own.converger.round(hostWith([2, 3, 4]), NETWORK)).toMatchObject({
    repairs: 1,
    networkHeld: true,
  });
  own.kernel.deleteLink('cwy0');
  expect((await own.converger.round(hostWith([2, 3, 4]), NETWORK)).repairs).toBeGreaterThan(2);
  expect((await own.converger.round(hostWith([2, 3, 4]), NETWORK)).repairs).toBe(0);
});

it('counts what was repaired before another part had to be tried again', async () => {
  await own.converger.round(hostWith([2]), NOTHING);
  own.kernel.firewalls.nft.ipv4.apply('delete table ip causeway\n');
  const { apply } = own.kernel;
  own.kernel.apply = async (steps) => {
    own.kernel.apply = apply;
    const refused = steps.filter((step) => step.kind === 'route-add');
    const fates = await apply.call(
      own.kernel,
      steps.filter((step) => step.kind !== 'route-add'),
    );
    return [...fates, ...refused.map((step) => ({ step, fate: 'failed' as const, error: new Error('no') }))];
  };
  const round = await own.converger.round(hostWith([2, 3]), { network: false, firewall: true });
  expect(round).toMatchObject({ repairs: 1, networkHeld: true, firewallHeld: true });
});
