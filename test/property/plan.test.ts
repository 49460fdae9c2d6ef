import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firewallLook, networkLook } from '../../node-agent/src/kernel/look.ts';
import { networkOf } from '../../node-agent/src/plan/addresses.ts';
import { planNetworkChange } from '../../node-agent/src/plan/change.ts';
import type { FirewallTool, ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { planRemoval } from '../../node-agent/src/plan/removal.ts';
import type { DesiredHost } from '../../shared/src/desired/host.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { anyDesired, anyState, kernelIn, TOOLS } from '../support/any-network.ts';
import type { FakeKernel } from '../support/fake-kernel.ts';

const rulesets = { nftables, iptables };

async function planFor(kernel: FakeKernel, tool: FirewallTool, desired: DesiredHost) {
  const look = { network: networkLook(desired), firewall: firewallLook(desired, tool) };
  return plan(desired, await kernel.observe(look), rulesets);
}

const isForeign = (route: ObservedRoute) => route.protocol === 3;

/** What of a kernel is ours, whatever the order in which it came there. */
function held({ links, routes }: FakeKernel) {
  const sorted = [...links].map(([name, link]) => ({
    ...{ name, ...link, addresses: link.addresses.toSorted() },
    ...{ neighbours: [...link.neighbours].sort(), forwarding: [...link.forwarding].sort() },
  }));
  return [
    sorted.sort((a, b) => (a.name < b.name ? -1 : 1)),
    routes.map((route) => JSON.stringify(route)).sort(),
  ];
}

describe('a plan', () => {
  it('converges from any state: all steps succeed, and the second plan is empty', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, fc.constantFrom(...TOOLS), anyDesired, async (state, tool, desired) => {
        const kernel = kernelIn(state, rulesets);
        const foreign = kernel.routes.filter(isForeign);
        const { steps, blocked } = await planFor(kernel, tool, desired);
        const fates = await kernel.apply(steps);
        expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
        expect((await planFor(kernel, tool, desired)).steps).toEqual([]);

        // Other people's routes are as they were; ours are the desired ones, but where another's leads elsewhere.
        expect(kernel.routes.filter(isForeign)).toEqual(foreign);
        const wanted = desired.routes.filter((route) => !blocked.includes(route.destination));
        for (const { destination, gateway, device } of wanted)
          expect(kernel.routes).toContainEqual(expect.objectContaining({ destination, gateway, device }));
        const known = new Set(desired.routes.map((route) => route.destination));
        for (const route of kernel.routes.filter((one) => one.protocol === 88))
          expect(known).toContain(route.destination);
      }),
      { numRuns: 150 },
    );
  });

  it('follows what is desired wherever it goes, without detours', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyState,
        fc.array(fc.tuple(fc.constantFrom(...TOOLS), anyDesired), { minLength: 2, maxLength: 5 }),
        async (state, visits) => {
          const kernel = kernelIn(state, rulesets);
          for (const [tool, desired] of visits) {
            const fates = await kernel.apply((await planFor(kernel, tool, desired)).steps);
            expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
          }
          const [tool, desired] = visits.at(-1) ?? ['nft', undefined];
          if (desired !== undefined) expect((await planFor(kernel, tool, desired)).steps).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is undone by a removal: only what was never ours is left', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, fc.constantFrom(...TOOLS), anyDesired, async (state, tool, desired) => {
        const kernel = kernelIn(state, rulesets);
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
      { numRuns: 60 },
    );
  });
});

describe('a change of peers without a look', () => {
  it('leads where a look would have led, or asks for one', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, anyDesired, anyDesired, async (state, from, other) => {
        // The same host with other peers.
        const tunnels = from.tunnels.map((tunnel, i) => ({
          ...tunnel,
          neighbours: other.tunnels[i]?.neighbours ?? [],
        }));
        const devices = new Set(['eth0', ...tunnels.map(({ name }) => name)]);
        const own = new Set(from.bridge.addresses.map(networkOf));
        const routes = other.routes.filter(
          ({ device, destination }) => devices.has(device) && !own.has(destination),
        );
        const to = { ...from, tunnels, routes };
        const kernel = kernelIn({ ...state, routes: [] }, rulesets);
        const twin = kernelIn({ ...state, routes: [] }, rulesets);
        for (const each of [kernel, twin]) {
          const { steps, blocked } = await planFor(each, 'nft', from);
          await each.apply(steps);
          fc.pre(blocked.length === 0);
        }
        const change = planNetworkChange(from, to, new Set());
        const fates = await kernel.apply(change ?? []);
        expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
        await twin.apply((await planFor(twin, 'nft', to)).steps);
        expect(change).toBeDefined();
        expect(held(kernel)).toEqual(held(twin));
      }),
      { numRuns: 100 },
    );
  });
});
