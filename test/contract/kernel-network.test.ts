import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkLook } from '../../node-agent/src/kernel/look.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { planRemoval } from '../../node-agent/src/plan/removal.ts';
import type { DesiredHost } from '../../shared/src/desired/host.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { openFakeWorld, openRealWorld, type World } from '../support/kernel-worlds.ts';
import { DAMAGES, type Damage, hostOf, VARIANTS } from '../support/network-damage.ts';
import { useKernelDriver } from '../support/real-kernel.ts';

/** Everything but the packet filter, in both families and with both backends, on the fake and on the real kernel. */
const rulesets = { nftables, iptables };

const driver = useKernelDriver();

const KERNELS = [
  { name: 'in miniature', open: async () => openFakeWorld() },
  { name: 'the real one', open: () => openRealWorld(driver.path) },
];

function planner(world: () => World) {
  const planNow = async (desired: DesiredHost) => {
    const { kernel } = world();
    return plan(desired, await kernel.observe({ network: networkLook(desired) }), rulesets);
  };
  return {
    planNow,
    texts: async (desired: DesiredHost) => (await planNow(desired)).steps.map((step) => step.text),
    /** Applies one plan, of which every step must succeed. */
    converge: async (desired: DesiredHost) => {
      const { steps } = await planNow(desired);
      const fates = await world().kernel.apply(steps);
      expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
      return steps.map((step) => step.text);
    },
  };
}

describe.each(KERNELS)('a kernel, $name', ({ open }) => {
  describe.each(VARIANTS)('with $families and $backend', (variant) => {
    const desired = hostOf(variant);
    let world: World;
    const { planNow, texts, converge } = planner(() => world);
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());

    it('holds what a plan says, so that the next plan is empty', async () => {
      expect((await converge(desired)).length).toBeGreaterThan(4);
      expect(await planNow(desired)).toEqual({ steps: [], problems: [], blocked: [] });
    });

    it.each(DAMAGES.filter(({ when }) => when(desired)))(
      'is mended by one plan when $name',
      async (damage: Damage) => {
        await converge(desired);
        await damage.cause(world, desired);
        const mended = await converge(desired);
        expect(mended).toEqual(
          expect.arrayContaining(damage.mended(desired).map((text) => expect.stringMatching(text))),
        );
        expect(await texts(desired)).toEqual([]);
      },
    );
  });

  describe('between hosts of several kinds', () => {
    let world: World;
    const { texts, converge } = planner(() => world);
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());

    const hosts = VARIANTS.map(
      (variant) => [`${variant.families}, ${variant.backend}`, hostOf(variant)] as const,
    );
    it.each([...hosts, ...hosts.toReversed()])('follows to %s in one plan', async (_, desired) => {
      await converge(desired);
      expect(await texts(desired)).toEqual([]);
    });

    it('gives up its subnets to another host, and takes others', async () => {
      for (const backend of ['host-gw', 'vxlan'] as const) {
        const before = hostOf({ families: 'dual', backend });
        await converge(before);
        for (const own of [{}, { ipv4: '10.10.9.0/24', ipv6: 'fd00:10:0:9::/64' }]) {
          const fenced = hostOf({ families: 'dual', backend, own, peers: [1, 2] });
          expect(fenced.routes.map((route) => route.destination)).toContain('10.10.1.0/24');
          await converge(fenced);
          expect(await texts(fenced)).toEqual([]);
          await converge(before);
          expect(await texts(before)).toEqual([]);
        }
      }
    });

    it('loses everything of ours by a removal, and nothing else', async () => {
      await world.addRoute({ destination: '10.10.8.0/24', gateway: '192.168.122.18' });
      await world.addRoute({ destination: 'fd00:10:0:8::/64', gateway: 'fd00:122::18' });
      const fates = await world.kernel.apply(planRemoval(await world.kernel.remains(), rulesets));
      expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
      await world.kernel.restoreSysctls();
      const before = await world.state();
      await converge(hostOf({ families: 'dual', backend: 'vxlan' }));
      expect(await world.state()).not.toEqual(before);
      await world.kernel.apply(planRemoval(await world.kernel.remains(), rulesets));
      await world.kernel.restoreSysctls();
      expect(await world.state()).toEqual(before);
      expect(planRemoval(await world.kernel.remains(), rulesets)).toEqual([]);
    });
  });

  describe('whose bridge gets another name', () => {
    it('keeps everything on it, and takes nothing of others for it', async () => {
      const world = await open();
      const { converge, texts } = planner(() => world);
      const host = hostOf({ families: 'dual', backend: 'host-gw' });
      const named = (name: string): DesiredHost => ({ ...host, bridge: { ...host.bridge, name } });
      await converge(host);
      for (const [from, to] of [
        ['cwy0', 'br-web'],
        ['br-web', 'br1'],
        ['br1', 'cwy0'],
      ] as const) {
        const steps = await converge(named(to));
        expect(steps).toEqual([`rename bridge ${from} to ${to}`, `set ${to} up with MTU ${host.bridge.mtu}`]);
        expect(await texts(named(to))).toEqual([]);
        expect((await world.kernel.remains()).links).toEqual([to]);
      }
      await world.close();
    });

    it('removes a former one where the new one is there already', async () => {
      const world = await open();
      const { converge, texts } = planner(() => world);
      const host = hostOf({ families: 'dual', backend: 'host-gw' });
      await converge({ ...host, bridge: { ...host.bridge, name: 'br1' } });
      const alias = { kind: 'link-set', link: 'br2', mtu: 1500, alias: 'causeway', text: '' } as const;
      await world.kernel.apply([
        { kind: 'link-add', link: 'br2', mtu: 1500, mac: '0a:58:00:00:00:01', text: '' },
        alias,
      ]);
      const desired = { ...host, bridge: { ...host.bridge, name: 'br1' } };
      expect(await converge(desired)).toEqual(['remove former bridge br2']);
      expect(await texts(desired)).toEqual([]);
      await world.close();
    });
  });

  describe('where links have no IPv6 unless told', () => {
    it('takes its addresses all the same', async () => {
      const world = await open();
      const { texts, converge } = planner(() => world);
      await world.setSysctl('net/ipv6/conf/default/disable_ipv6', '1');
      const host = hostOf({ families: 'dual', backend: 'vxlan' });
      const paths = ['cwy0', 'cwyx6.1'].map((link) => `net/ipv6/conf/${link}/disable_ipv6`);
      for (const path of paths) await world.setSysctl(path, '1').catch(() => undefined);
      const sysctls = { ...host.sysctls, ...Object.fromEntries(paths.map((path) => [path, '0'])) };
      await converge({ ...host, sysctls });
      expect(await texts({ ...host, sysctls })).toEqual([]);
      await world.close();
    });
  });

  describe('beside routes of others', () => {
    let world: World;
    const { planNow, converge } = planner(() => world);
    const desired = hostOf({ families: 'dual', backend: 'host-gw' });
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());

    it.each([
      [
        'in the way',
        '10.10.2.0/24',
        {},
        /^adding route 10.10.2.0\/24 via 192.168.122.12: a route that is not ours/,
        true,
      ],
      ['in the way', 'fd00:10:0:2::/64', {}, /^adding route fd00:10:0:2::\/64 .* protocol 3\)/, true],
      [
        'with precedence',
        'fd00:10:0:2::/64',
        { metric: 512 },
        /^adding route fd00:10:0:2::\/64 .* metric 512/,
        true,
      ],
      ['beside ours', '10.10.2.0/24', { metric: 100 }, /^beside route 10.10.2.0\/24 .* metric 100/, false],
      [
        'beside ours',
        'fd00:10:0:2::/64',
        { metric: 2048 },
        /^beside route fd00:10:0:2::\/64 .* metric 2048/,
        false,
      ],
      ['inside of ours', '10.10.2.128/25', {}, /^leading to 10.10.2.0\/24: .* \(10.10.2.128\/25 via/, false],
      [
        'inside of ours',
        'fd00:10:0:2:1::/80',
        {},
        /^leading to fd00:10:0:2::\/64: .*fd00:10:0:2:1::\/80/,
        false,
      ],
    ] as const)(
      'tells of one %s (%s, %o) and never touches it',
      async (_, destination, more, problem, blocks) => {
        const isV6 = destination.includes(':');
        const gateway = isV6 ? 'fd00:122::99' : '192.168.122.99';
        const find = async () => {
          const { network } = await world.kernel.observe({ network: networkLook(desired) });
          return network?.routes.filter((route) => route.protocol === 3);
        };
        await world.addRoute({ destination, gateway, ...more });
        const stood = await find();
        expect(stood).toHaveLength(1);
        await converge(desired);
        const { steps, problems, blocked } = await planNow(desired);
        expect(steps).toEqual([]);
        expect(problems).toEqual([expect.stringMatching(problem)]);
        expect(blocked).toEqual(blocks ? [destination] : []);
        expect(await find()).toEqual(stood);
        await world.kernel.apply(planRemoval(await world.kernel.remains(), rulesets));
        expect(await find()).toEqual(stood);
        await world.deleteRoute(destination);
      },
    );
  });
});
