import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Signal } from '../../node-agent/src/kernel/kernel.ts';
import { dataplaneOf, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import type { Step } from '../../node-agent/src/plan/step.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { intentOf, manyServices, TEST_SERVICE } from '../support/intents.ts';
import { openFakeWorld, openRealWorld, type World } from '../support/kernel-worlds.ts';
import { buildDriver } from '../support/real-kernel.ts';

/** A signal must leave time for the repair, which must be done within a second of the damage. */
const SIGNAL_MS = 900;
const rulesets = { nftables, iptables };

let directory: string;
let driver: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-driver-'));
  driver = await buildDriver(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.each([
  { name: 'in miniature', open: async () => openFakeWorld() },
  { name: 'the real one', open: () => openRealWorld(driver) },
])('the monitor of a kernel, $name', ({ open }) => {
  let world: World;
  let signals: Signal[];
  beforeEach(async () => {
    world = await open();
    signals = [];
  });
  afterEach(() => world.close());

  const watch = (tool: FirewallTool) =>
    world.kernel.watch({ tool, iface: 'eth0', bridge: 'cwy0', onSignal: (signal) => signals.push(signal) });
  const heard = (signal: Signal) =>
    vi.waitFor(() => expect(signals).toContain(signal), { timeout: SIGNAL_MS, interval: 5 });
  const apply = async (tool: FirewallTool, input: string) => {
    const step: Step = { kind: 'firewall-apply', tool, input, reasons: [], text: '' };
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
      { timeout: 5_000 },
    );
  };

  it.each(['nft', 'iptables-nft', 'iptables-legacy'] as const)(
    'tells of others’ changes to %s, not of ours',
    async (tool) => {
      const ruleset = rulesets[dataplaneOf(tool)];
      const [small, large] = [intentOf([TEST_SERVICE]), intentOf([TEST_SERVICE, ...manyServices(20)])];
      await apply(tool, ruleset.full(small));
      watch(tool);
      await listening();
      await vi.waitFor(async () => {
        await apply(tool, ruleset.change(small, large));
        await apply(tool, ruleset.change(large, small));
        const before = signals.filter((signal) => signal === 'firewall').length;
        await apply(tool, ruleset.change(small, large));
        await apply(tool, ruleset.change(large, small));
        expect(signals.filter((signal) => signal === 'firewall')).toHaveLength(before);
      });
      signals.length = 0;
      await world.flush(tool);
      await heard('firewall');
    },
  );

  it.each([
    ['nft', 'iptables-nft'],
    ['iptables-nft', 'nft'],
  ] as const)('tells of a flush of %s also right after %s was cleaned', async (tool, former) => {
    const intent = intentOf([TEST_SERVICE]);
    for (const each of [former, tool]) await apply(each, rulesets[dataplaneOf(each)].full(intent));
    watch(tool);
    await listening();
    const listing =
      (await world.kernel.remains()).firewalls.find((one) => one.tool === former)?.listing ?? '';
    const input = rulesets[dataplaneOf(former)].clean(listing);
    const clean: Step = { kind: 'firewall-clean', tool: former, input, reasons: [], text: '' };
    expect((await world.kernel.apply([clean])).map(({ fate }) => fate)).toEqual(['done']);
    signals.length = 0;
    await world.flush(tool);
    await heard('firewall');
  });

  it.each<[string, (world: World) => Promise<void>]>([
    ['a route of ours is deleted', (w) => w.deleteRoute('10.10.2.0/24')],
    ['the link to the other hosts goes down', (w) => w.linkDown('eth0')],
    ['the bridge is deleted', (w) => w.deleteLink('cwy0')],
    ['the bridge gets another address', (w) => w.addAddress('cwy0', '10.10.9.1/24')],
    [
      'a route gets in the way',
      (w) => w.addRoute({ destination: '10.10.3.0/24', gateway: '192.168.122.66' }),
    ],
    ['a black hole gets in the way', (w) => w.addRoute({ destination: '10.10.3.0/24' })],
  ])('tells when %s', async (_, damage) => {
    const route = {
      destination: '10.10.2.0/24',
      type: 'unicast',
      gateway: '192.168.122.12',
      device: 'eth0',
      metric: 0,
    };
    await world.kernel.apply([
      { kind: 'link-add', link: 'cwy0', mtu: 1500, mac: '0a:58:0a:0a:01:01', text: '' },
      { kind: 'link-set', link: 'cwy0', mtu: 1500, text: '' },
      { kind: 'route-add', route, text: '' },
    ]);
    watch('nft');
    await listening();
    signals.length = 0;
    await damage(world);
    await heard('network');
  });
});
