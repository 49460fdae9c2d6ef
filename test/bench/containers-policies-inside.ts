import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredHost } from '@causeway/shared/desired/host';
import type { PolicyIntent, PolicyMatch } from '@causeway/shared/desired/intent';
import { run } from '@causeway/shared/programs/run';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { linuxKernel } from '../../node-agent/src/kernel/linux.ts';
import { firewallLook } from '../../node-agent/src/kernel/look.ts';
import { reasonOf } from '../../node-agent/src/loop/peers.ts';
import type { FirewallTool } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { intentOf } from '../support/intents.ts';
import { BESIDE, BEYOND, CONTAINERS, measureDirect, reachesOther } from './connections.ts';

/** The bench's program for inside of a network namespace that nobody else uses: it prints one `Measured` as JSON. */
export interface Measured {
  readonly connections: readonly {
    readonly tool: FirewallTool;
    readonly where: Where;
    /** Microseconds to set up a connection, with all rules and without any policy. */
    readonly ruled: readonly number[];
    readonly free: readonly number[];
  }[];
}

/** On the same bridge, or behind a route as on another host. */
export type Where = 'beside' | 'beyond';

export const RULES = 10_000;
const ROUNDS = 5;
const TOOLS = ['nft', 'iptables-legacy'] as const;
const SERVERS = { beside: BESIDE, beyond: BEYOND } as const;
/** The container that connects; it is the one with the policies. */
const CLIENT = '10.10.1.2';
const rulesets = { nftables, iptables };

async function main(): Promise<void> {
  if (Object.keys(networkInterfaces()).length > 0)
    throw new Error('this network is somebody’s: nothing was done');
  const stateDir = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
  try {
    await sh(CONTAINERS);
    const kernel = linuxKernel({ stateDir, rulesets });
    const connections = [];
    for (const tool of TOOLS) connections.push(...(await measure(kernel, tool)));
    const measured: Measured = { connections };
    process.stdout.write(JSON.stringify(measured));
  } finally {
    rmSync(stateDir, { recursive: true });
  }
}

type Kernel = ReturnType<typeof linuxKernel>;

async function measure(kernel: Kernel, tool: FirewallTool): Promise<Measured['connections']> {
  const found = (['beside', 'beyond'] as const).map((where) => ({
    ...{ tool, where, ruled: [] as number[], free: [] as number[] },
  }));
  for (let round = 0; round < ROUNDS; round++)
    // Now the one first, now the other, or whatever changes over time would favour one of them.
    for (const which of round % 2 === 0 ? (['ruled', 'free'] as const) : (['free', 'ruled'] as const)) {
      await clear();
      await bring(kernel, tool, which === 'ruled' ? [manyRules()] : []);
      if (round === 0) for (const { where } of found) await judged(tool, where, which === 'ruled');
      for (const one of found) one[which].push(...(await measureDirect(SERVERS[one.where])));
    }
  return found;
}

/** Rules that nobody asks cost nothing: what they refuse is refused where it is measured, and passes without them. */
async function judged(tool: FirewallTool, where: Where, isRuled: boolean): Promise<void> {
  if ((await reachesOther(SERVERS[where])) !== isRuled) return;
  const fault = isRuled ? 'the policies refuse is set up' : 'nothing refuses is not set up';
  throw new Error(`${tool}, ${where}: a connection that ${fault}`);
}

/** Half of them for each direction, and none of them the one that lets the measured connections through. */
function manyRules(): PolicyIntent {
  const side = {
    ...{ default: 'deny' as const, deny: strangers(1, RULES / 4), limited: [] },
    allow: [...strangers(2, RULES / 4 - 1), { cidr: '10.10.0.0/16', ...port(12_345) }].toSorted(byCidr),
  };
  return { id: 'be9c4', subjects: [CLIENT, BESIDE.address], ingress: side, egress: side };
}

function strangers(net: number, count: number): PolicyMatch[] {
  return Array.from({ length: count }, (_, i) => ({
    cidr: `172.${15 + net}.${i >> 8}.${i & 255}/32`,
    ...port(1_024 + (i % 60_000)),
  }));
}

function port(number: number): Pick<PolicyMatch, 'protocol' | 'firstPort' | 'lastPort'> {
  return { protocol: 'tcp', firstPort: number, lastPort: number };
}

function byCidr(a: PolicyMatch, b: PolicyMatch): number {
  return a.cidr < b.cidr ? -1 : 1;
}

async function bring(kernel: Kernel, tool: FirewallTool, policies: readonly PolicyIntent[]): Promise<void> {
  const desired: DesiredHost = {
    bridge: { name: 'cwy0', addresses: ['10.10.1.1/24'], mtu: 1500 },
    ...{ tunnels: [], routes: [], sysctls: {}, peers: [], problems: [] },
    firewalls: [{ ...intentOf([]), policies }],
  };
  const observed = await kernel.observe({ firewall: firewallLook(desired, tool) });
  const { steps } = plan(desired, observed, rulesets);
  const lost = (await kernel.apply(steps)).filter(({ fate }) => fate !== 'done');
  if (lost[0] !== undefined) throw new Error(`${lost.length} steps failed: ${reasonOf(lost[0])}`);
}

/** Nothing of what was before may cost the next one anything. */
async function clear(): Promise<void> {
  await sh(
    'nft flush ruleset; for t in nat mangle filter raw; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done; ipset destroy',
  );
}

async function sh(script: string): Promise<void> {
  await run('sh', ['-ec', script], { timeoutMs: 60_000 });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
