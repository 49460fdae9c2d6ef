import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Signal } from '../../node-agent/src/kernel/kernel.ts';
import { networkLook } from '../../node-agent/src/kernel/look.ts';
import { planNetworkChange } from '../../node-agent/src/plan/change.ts';
import { dataplaneOf, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { isFirewallStep, type Step } from '../../node-agent/src/plan/step.ts';
import type { DesiredHost } from '../../shared/src/desired/host.ts';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { intentOf, manyServices, TEST_SERVICE } from '../support/intents.ts';
import { openFakeWorld, openRealWorld, type World } from '../support/kernel-worlds.ts';
import { DAMAGES, type Damage, hostOf } from '../support/network-damage.ts';
import { useKernelDriver } from '../support/real-kernel.ts';
import { isSoon } from '../support/soon.ts';

/** A signal must leave time for the repair, which must be done within a second of the damage. */
const SIGNAL_MS = 900;
/** Nobody looks by himself here: only a signal ends the waiting, however long a busy machine takes. */
const PATIENCE = { timeout: 60_000, interval: 5 };
const rulesets = { nftables, iptables };
/** Steps whose echo is a reason to look: the kernel tells of more than the one change. */
const TOLD: ReadonlySet<string> = new Set(['neighbour-delete', 'forwarding-delete']);
/** What the kernel in miniature says of any change of somebody else's. */
const SOMEBODY = 'somebody did something';

const driver = useKernelDriver();

describe.each([
  { name: 'in miniature', open: async () => openFakeWorld() },
  { name: 'the real one', open: () => openRealWorld(driver.path) },
])('the monitor of a kernel, $name', ({ open }) => {
  let world: World;
  let signals: Signal[];
  let reasons: string[];
  beforeEach(async () => {
    world = await open();
    signals = [];
    reasons = [];
  });
  afterEach(() => world.close());

  const watch = (tool: FirewallTool) =>
    world.kernel.watch({
      ...{ tool, iface: 'eth0', bridge: 'cwy0', sysctls: [] },
      onSignal: (signal, reason) => {
        signals.push(signal);
        reasons.push(reason);
      },
    });
  const heard = (signal: Signal) => vi.waitFor(() => expect(signals).toContain(signal), PATIENCE);
  /** Throws away all rules. @returns milliseconds until that was told */
  const flushed = async (tool: FirewallTool) => {
    signals.length = 0;
    const since = performance.now();
    await world.flush(tool);
    await heard('firewall');
    return performance.now() - since;
  };
  const apply = async (tool: FirewallTool, input: string, intent: FirewallIntent) => {
    const about = { tool, family: 'ipv4' as const, intent, input, reasons: [], text: '' };
    const step: Step = { kind: 'firewall-apply', ...about };
    expect((await world.kernel.apply([step])).map(({ fate }) => fate)).toEqual(['done']);
  };
  /** The monitors' programs need a moment: signs of life are awaited, then forgotten. */
  const listening = async () => {
    await vi.waitFor(
      async () => {
        await world.addRoute({ destination: '10.10.9.0/24', gateway: '192.168.122.19' });
        await world.deleteRoute('10.10.9.0/24');
        expect(signals).toContain('network');
      },
      { ...PATIENCE, interval: 50 },
    );
  };

  it.each(['nft', 'iptables-nft', 'iptables-legacy'] as const)(
    'tells of others’ changes to %s, not of ours',
    async (tool) => {
      const ruleset = rulesets[dataplaneOf(tool)];
      const [small, large] = [intentOf([TEST_SERVICE]), intentOf([TEST_SERVICE, ...manyServices(20)])];
      await apply(tool, ruleset.full(small), small);
      // What nobody tells of is asked for by what a look has seen.
      await world.kernel.observe({ firewall: { tool, intents: [small] } });
      watch(tool);
      await listening();
      await vi.waitFor(async () => {
        await apply(tool, ruleset.change(small, large), large);
        await apply(tool, ruleset.change(large, small), small);
        const before = signals.filter((signal) => signal === 'firewall').length;
        await apply(tool, ruleset.change(small, large), large);
        await apply(tool, ruleset.change(large, small), small);
        expect(signals.filter((signal) => signal === 'firewall')).toHaveLength(before);
      }, PATIENCE);
      await isSoon(SIGNAL_MS, async (turn) => {
        if (turn > 0) await apply(tool, ruleset.full(small), small);
        return flushed(tool);
      });
    },
  );

  it.each([
    ['nft', 'iptables-nft'],
    ['iptables-nft', 'nft'],
  ] as const)('tells of a flush of %s also right after %s was cleaned', async (tool, former) => {
    const intent = intentOf([TEST_SERVICE]);
    for (const each of [former, tool]) await apply(each, rulesets[dataplaneOf(each)].full(intent), intent);
    watch(tool);
    await listening();
    const listing =
      (await world.kernel.remains()).firewalls.find((one) => one.tool === former)?.listing ?? '';
    const input = rulesets[dataplaneOf(former)].clean(listing, 'ipv4');
    const about = { tool: former, family: 'ipv4' as const, input, reasons: [], text: '' };
    const clean: Step = { kind: 'firewall-clean', ...about };
    expect((await world.kernel.apply([clean])).map(({ fate }) => fate)).toEqual(['done']);
    await isSoon(SIGNAL_MS, async (turn) => {
      if (turn > 0) await apply(tool, rulesets[dataplaneOf(tool)].full(intent), intent);
      return flushed(tool);
    });
  });

  describe.each(['host-gw', 'vxlan'] as const)('with %s', (backend) => {
    const desired = hostOf({ families: 'dual', backend });
    const converge = async () => {
      const { kernel } = world;
      await kernel.apply(
        plan(desired, await kernel.observe({ network: networkLook(desired) }), rulesets).steps,
      );
    };
    // One host for all: each damage is mended before the next is done.
    const damages = DAMAGES.filter(({ when }) => when(desired));

    it('tells of everything that happens to links, tunnels, routes and settings', async () => {
      await converge();
      const watching = watch('nft');
      await listening();
      watching.focus({ iface: 'eth0', sysctls: Object.keys(desired.sysctls) });
      for (const damage of damages) await isSoon(SIGNAL_MS, () => told(damage));
    });

    /** Causes a damage where nothing is wrong. @returns milliseconds until it was told */
    const told = async (damage: Damage) => {
      await converge();
      await quiet();
      reasons.length = 0;
      const since = performance.now();
      await damage.cause(world, desired);
      // The settings are read over and over: an earlier one's may be told of late.
      const ofThis = () =>
        reasons.filter((one) => damage.name.includes('flipped') || !one.startsWith('net/'));
      await vi.waitFor(() => expect(ofThis(), damage.name).not.toEqual([]), PATIENCE);
      return performance.now() - since;
    };

    it('is silent about peers that this host itself adds, moves and takes away', async () => {
      await converge();
      const watching = watch('nft');
      await listening();
      watching.focus({ iface: 'eth0', sysctls: [] });
      await quiet();
      reasons.length = 0;
      const moved = hostOf({ families: 'dual', backend, peers: [3, 4] });
      const there = planNetworkChange(desired, moved, new Set()) ?? [];
      const back = planNetworkChange(moved, desired, new Set()) ?? [];
      expect(there.length).toBeGreaterThan(3);
      for (const steps of [there, back])
        await world.kernel.apply(steps.filter(({ kind }) => !TOLD.has(kind)));
      await quiet(true);
    });

    it('changes routes through a link that was made anew, by somebody or by this host itself', async () => {
      const [moved, links] = [
        hostOf({ families: 'dual', backend, peers: [3, 4] }),
        desired.tunnels.map(({ name }) => name),
      ];
      const move = async (from: DesiredHost, to: DesiredHost) => {
        const steps = planNetworkChange(from, to, new Set()) ?? [];
        // Each by itself, as peers come and go: such few routes are told to a program that runs already.
        for (const step of steps)
          expect((await world.kernel.apply([step])).map(({ fate }) => fate)).toEqual(['done']);
        const observed = await world.kernel.observe({ network: networkLook(to) });
        expect(plan(to, observed, rulesets).steps.filter((step) => !isFirewallStep(step))).toEqual([]);
      };
      await converge();
      watch('nft');
      await listening();
      await move(desired, moved);
      for (const link of links) await world.deleteLink(link);
      await converge();
      await move(desired, moved);
      await converge();
      for (const { neighbours, ...tunnel } of desired.tunnels) {
        await world.deleteLink(tunnel.name);
        signals.length = 0;
        await world.addTunnel(tunnel);
        await heard('network');
      }
      await converge();
      await move(desired, moved);
    });

    /**
     * The monitor's last word on what was done so far has come: a mark of our own is seen after it.
     *
     * @param strictly nothing may have come before the mark
     */
    const quiet = async (strictly = false) => {
      if (!strictly) signals.length = 0;
      await world.addRoute({ destination: '10.10.200.0/24', gateway: '192.168.122.19' });
      await heard('network');
      if (strictly)
        expect(reasons.filter((one) => !one.includes('10.10.200.0') && one !== SOMEBODY)).toEqual([]);
      signals.length = 0;
      await world.deleteRoute('10.10.200.0/24');
      await heard('network');
    };
  });

  it('tells of a black hole and of a route of others in the way', async () => {
    watch('nft');
    await listening();
    for (const destination of ['10.10.3.0/24', 'fd00:10:0:3::/64']) {
      const gateway = destination.includes(':') ? 'fd00:122::66' : '192.168.122.66';
      for (const route of [{ destination }, { destination, gateway }]) {
        signals.length = 0;
        await world.addRoute(route);
        await heard('network');
        await world.deleteRoute(destination);
      }
    }
  });
});
