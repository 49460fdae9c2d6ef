import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FirewallTool, ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import { dataplaneOf } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { planRemoval } from '../../node-agent/src/plan/removal.ts';
import type { DesiredHost, RouteIntent } from '../../shared/src/desired/host.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { FakeKernel } from '../support/fake-kernel.ts';
import { connectedRoute } from '../support/fake-network.ts';
import { anyIntent } from '../support/intents.ts';

const rulesets = { nftables, iptables };
const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];
const SYSCTLS = ['net/ipv4/ip_forward', 'net/ipv4/conf/all/send_redirects'];

/** A small world, so that what is there and what should be meet often. */
const destination = fc.constantFrom('10.10.2.0/24', '10.10.3.0/24', '10.10.4.0/24');
const gateway = fc.constantFrom('192.168.122.12', '192.168.122.13', '192.168.122.14');

const anyDesired: fc.Arbitrary<DesiredHost> = fc
  .record({
    subnet: fc.constantFrom('10.10.1', '10.10.9'),
    mtu: fc.constantFrom(1500, 1450),
    peers: fc.uniqueArray(fc.record({ destination, gateway }), { selector: (route) => route.destination }),
    sysctls: fc.subarray(SYSCTLS),
    firewall: anyIntent,
  })
  .map(({ subnet, mtu, peers, sysctls, firewall }) => ({
    bridge: { name: 'cwy0', address: `${subnet}.1/24`, mtu },
    routes: peers.map((peer): RouteIntent => ({ ...peer, device: 'eth0' })),
    sysctls: Object.fromEntries(sysctls.map((path) => [path, '1'])),
    firewall,
    peers: [],
    problems: [],
  }));

const anyRoute: fc.Arbitrary<ObservedRoute> = fc.record(
  {
    destination: fc.oneof(destination, fc.constantFrom('10.10.7.0/24', '172.16.0.0/16')),
    type: fc.constant('unicast'),
    gateway,
    device: fc.constant('eth0'),
    protocol: fc.constantFrom(88, 88, 3),
    metric: fc.constantFrom(0, 0, 100),
  },
  { requiredKeys: ['destination', 'type', 'device', 'protocol', 'metric'] },
);

/** What may stand on a host: remains of an older agent, of another dataplane, of an administrator. */
const anyState = fc.record({
  bridge: fc.option(
    fc.record({
      mtu: fc.constantFrom(1500, 1400),
      up: fc.boolean(),
      addresses: fc.subarray(['10.10.1.1/24', '10.10.9.1/24', '10.10.5.1/24']),
      connected: fc.boolean(),
    }),
    { nil: undefined },
  ),
  routes: fc.uniqueArray(anyRoute, {
    selector: (r) => `${r.destination} ${r.metric} ${r.protocol}`,
    maxLength: 8,
  }),
  sysctls: fc.tuple(fc.constantFrom('0', '1'), fc.constantFrom('0', '1')),
  firewalls: fc.array(fc.tuple(fc.constantFrom(...TOOLS), anyIntent), { maxLength: 3 }),
});

type State = typeof anyState extends fc.Arbitrary<infer T> ? T : never;

function kernelIn(state: State): FakeKernel {
  const kernel = new FakeKernel();
  kernel.links.set('eth0', { type: 'physical', mtu: 1500, up: true, addresses: ['192.168.122.11/24'] });
  kernel.routes = [connectedRoute('192.168.122.0/24', 'eth0'), ...state.routes];
  if (state.bridge !== undefined) {
    const { connected, addresses, ...link } = state.bridge;
    kernel.links.set('cwy0', { type: 'bridge', ...link, addresses });
    const subnets = connected && link.up ? addresses.map((address) => address.replace('.1/', '.0/')) : [];
    kernel.routes.push(...subnets.map((subnet) => connectedRoute(subnet, 'cwy0')));
  }
  for (const [i, path] of SYSCTLS.entries()) kernel.sysctls.set(path, state.sysctls[i] ?? '0');
  for (const [tool, intent] of state.firewalls) {
    const { full } = rulesets[dataplaneOf(tool)];
    kernel.firewalls[tool].apply(full(intent, kernel.firewalls[tool].list()));
  }
  return kernel;
}

async function planFor(kernel: FakeKernel, tool: FirewallTool, desired: DesiredHost) {
  const network = { bridge: 'cwy0', network: '10.10.0.0/16', sysctls: SYSCTLS };
  return plan(desired, await kernel.observe({ network, firewall: { tool, leftovers: true } }), rulesets);
}

const isForeign = (route: ObservedRoute) => route.protocol === 3;

describe('a plan', () => {
  it('converges from any state: all steps succeed, and the second plan is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, fc.constantFrom(...TOOLS), anyDesired, async (state, tool, desired) => {
        const kernel = kernelIn(state);
        const foreign = kernel.routes.filter(isForeign);
        const { steps, blocked } = await planFor(kernel, tool, desired);
        const fates = await kernel.apply(steps);
        expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
        expect((await planFor(kernel, tool, desired)).steps).toEqual([]);

        // Other people's routes are as they were; ours are the desired ones, but where another's leads elsewhere.
        expect(kernel.routes.filter(isForeign)).toEqual(foreign);
        const wanted = desired.routes.filter((route) => !blocked.includes(route.destination));
        for (const { destination: to, gateway: via } of wanted)
          expect(kernel.routes).toContainEqual(expect.objectContaining({ destination: to, gateway: via }));
        const known = new Set(desired.routes.map((route) => route.destination));
        for (const route of kernel.routes.filter((one) => one.protocol === 88))
          expect(known).toContain(route.destination);
      }),
      { numRuns: 300 },
    );
  });

  it('follows what is desired wherever it goes, without detours', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyState,
        fc.array(fc.tuple(fc.constantFrom(...TOOLS), anyDesired), { minLength: 2, maxLength: 5 }),
        async (state, visits) => {
          const kernel = kernelIn(state);
          for (const [tool, desired] of visits)
            await kernel.apply((await planFor(kernel, tool, desired)).steps);
          const [tool, desired] = visits.at(-1) ?? ['nft', undefined];
          if (desired !== undefined) expect((await planFor(kernel, tool, desired)).steps).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is undone by a removal: only what was never ours is left', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, fc.constantFrom(...TOOLS), anyDesired, async (state, tool, desired) => {
        const kernel = kernelIn(state);
        const before = structuredClone([...kernel.sysctls]);
        const foreign = kernel.routes.filter((route) => isForeign(route) || route.device === 'eth0');
        await kernel.apply((await planFor(kernel, tool, desired)).steps);
        const fates = await kernel.apply(planRemoval(await kernel.remains(), rulesets));
        await kernel.restoreSysctls();
        expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
        expect(await kernel.remains()).toEqual({ links: [], routes: [], firewalls: [] });
        expect([...kernel.links.keys()]).toEqual(['eth0']);
        expect(kernel.routes).toEqual(foreign.filter((route) => route.protocol !== 88));
        expect([...kernel.sysctls]).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });
});
