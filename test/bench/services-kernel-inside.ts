import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredHost } from '@causeway/shared/desired/host';
import type { FirewallIntent, ServiceIntent } from '@causeway/shared/desired/intent';
import { run } from '@causeway/shared/programs/run';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { linuxKernel } from '../../node-agent/src/kernel/linux.ts';
import { firewallLook } from '../../node-agent/src/kernel/look.ts';
import { createConverger } from '../../node-agent/src/loop/converge.ts';
import { reasonOf } from '../../node-agent/src/loop/peers.ts';
import { dataplaneOf, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { endpoint, intentOf, manyServices, serviceIntent } from '../support/intents.ts';
import { chainsPerService, endpointMoved } from './chains-per-service.ts';
import {
  BESIDE,
  BEYOND,
  CONTAINERS,
  type Frontend,
  measureConnections,
  measureStreams,
  PATHS,
  type Path,
} from './connections.ts';

/** The bench's program for inside of a network namespace that nobody else uses: it prints one `Measured` as JSON. */
export interface Measured {
  readonly fulls: readonly Pair[];
  readonly changes: readonly Change[];
  readonly chains: { readonly full: number; readonly change: readonly number[] };
  /** Microseconds to set up a connection, by services and way. */
  readonly connections: readonly {
    readonly tool: FirewallTool;
    readonly services: number;
    readonly path: Path;
    readonly us: readonly number[];
  }[];
  /** To a container on the same bridge, and to one as on another host. */
  readonly throughput: { readonly beside: Streams; readonly beyond: Streams };
}

/** Gbit/s of one stream, by path. */
export type Streams = Readonly<Record<Path, readonly number[]>>;

/** Milliseconds of ours and of the tool alone. */
export interface Pair {
  readonly tool: FirewallTool;
  readonly services: number;
  readonly ours: readonly number[];
  readonly alone: readonly number[];
}

export interface Change {
  readonly tool: FirewallTool;
  readonly services: number;
  readonly ms: readonly number[];
  /** Lines that the tool is given. */
  readonly lines: number;
}

const rulesets = { nftables, iptables };
/** Enough that the middle one says something, and not more than the large ones have time for. */
const ROUNDS = { 1: 9, 10000: 5, 30000: 3 } as const;
type Size = keyof typeof ROUNDS;
const CHANGES = 11;
const TO_BESIDE: Frontend = { vip: '2.2.2.2', port: 88, server: BESIDE };
const TO_BEYOND: Frontend = { vip: '2.2.2.3', port: 88, server: BEYOND };

async function main(): Promise<void> {
  if (Object.keys(networkInterfaces()).length > 0)
    throw new Error('this network is somebody’s: nothing was done');
  const stateDir = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
  try {
    await sh(CONTAINERS);
    const kernel = linuxKernel({ stateDir, rulesets });
    const fulls = [
      await full(kernel, 'nft', 10_000),
      await full(kernel, 'nft', 30_000),
      await full(kernel, 'iptables-legacy', 10_000),
    ];
    const changes: Change[] = [];
    for (const size of [1, 10_000, 30_000] as const) changes.push(await change(kernel, 'nft', size));
    for (const size of [1, 10_000] as const) changes.push(await change(kernel, 'iptables-legacy', size));
    const chains = await olderLayout();
    const measured: Measured = { fulls, changes, chains, ...(await traffic(kernel)) };
    process.stdout.write(JSON.stringify(measured));
  } finally {
    rmSync(stateDir, { recursive: true });
  }
}

type Kernel = ReturnType<typeof linuxKernel>;

/** What somebody would run who had the rules written down already, and ours: look, render, apply. */
async function full(kernel: Kernel, tool: FirewallTool, services: Size): Promise<Pair> {
  const intent = intentOf(manyServices(services));
  const [ours, alone]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS[services]; round++) {
    await clear();
    ours.push(await timed(() => bring(kernel, tool, intent)));
    await clear();
    const input = rulesets[dataplaneOf(tool)].full(intent);
    alone.push(await timed(() => load(tool, input)));
  }
  return { tool, services, ours, alone };
}

async function bring(kernel: Kernel, tool: FirewallTool, intent: FirewallIntent): Promise<void> {
  const desired = hostWith(intent);
  const observed = await kernel.observe({ firewall: firewallLook(desired, tool) });
  const { steps } = plan(desired, observed, rulesets);
  const lost = (await kernel.apply(steps)).filter(({ fate }) => fate !== 'done');
  if (lost[0] !== undefined) throw new Error(`${lost.length} steps failed: ${reasonOf(lost[0])}`);
}

/** In parts only where the kernel does not take it whole: in the user namespace of an ordinary user. */
async function load(tool: FirewallTool, input: string): Promise<void> {
  const [command, ...args] = tool === 'nft' ? ['nft', '-f', '-'] : [`${tool}-restore`, '--noflush'];
  const one = (text: string) => run(command, args, { input: text, timeoutMs: 120_000 });
  try {
    await one(input);
  } catch (error) {
    if (!/Message too long/.test(String(error))) throw error;
    for (const part of rulesets[dataplaneOf(tool)].parts(input)) await one(part);
  }
}

/** One endpoint of one service moves, there and back, by the fast path. */
async function change(kernel: Kernel, tool: FirewallTool, services: Size): Promise<Change> {
  await clear();
  const all = manyServices(services);
  const intent = intentOf(all);
  const converger = createConverger({ kernel, rulesets, tool });
  await converger.round(hostWith(intent), { network: false, firewall: true });
  const at = Math.floor(services / 2);
  const other = intentOf(all.map((service, i) => (i === at ? moved(service) : service)));
  const ms: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const to = hostWith(i % 2 === 0 ? other : intent);
    ms.push(await timed(() => converger.round(to, { network: false, firewall: false })));
  }
  const lines = rulesets[dataplaneOf(tool)].change(intent, other).trim().split('\n').length;
  return { tool, services, ms, lines };
}

function moved(service: ServiceIntent): ServiceIntent {
  const [first, ...rest] = service.endpoints;
  if (first === undefined) throw new Error('a service of the bench has no endpoint');
  return { ...service, endpoints: [endpoint('10.10.1.200', first.port), ...rest] };
}

/** kube-proxy's layout of before 1.36: a chain for each service and for each endpoint. */
async function olderLayout(): Promise<Measured['chains']> {
  await clear();
  const services = manyServices(10_000);
  const took = await timed(() => load('nft', chainsPerService(services)));
  const ms: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const service = services[5_000];
    if (service === undefined) throw new Error('the bench lost a service');
    ms.push(await timed(() => load('nft', endpointMoved(service, i))));
  }
  await clear();
  return { full: took, change: ms };
}

/** Connections of a container through a VIP and past it, among few services and among many, in turns. */
async function traffic(kernel: Kernel): Promise<Pick<Measured, 'connections' | 'throughput'>> {
  const cases = [
    { tool: 'nft', services: 1 },
    { tool: 'nft', services: 30_000 },
    { tool: 'iptables-legacy', services: 1 },
    { tool: 'iptables-legacy', services: 10_000 },
  ] as const;
  const found = cases.flatMap((one) => PATHS.map((path) => ({ ...one, path, us: [] as number[] })));
  const beside = noStreams();
  const beyond = noStreams();
  for (let round = 0; round < 3; round++)
    for (const one of cases) {
      await clear();
      const services = [intentFor(TO_BESIDE), intentFor(TO_BEYOND), ...manyServices(one.services)];
      await bring(kernel, one.tool, intentOf(services.slice(0, one.services)));
      const us = await measureConnections(TO_BESIDE);
      for (const path of PATHS)
        found
          .find((entry) => entry.tool === one.tool && entry.services === one.services && entry.path === path)
          ?.us.push(...us[path]);
      if (one.services !== 30_000) continue;
      await addStreams(beside, TO_BESIDE);
      await addStreams(beyond, TO_BEYOND);
    }
  return { connections: found, throughput: { beside, beyond } };
}

function noStreams(): Record<Path, number[]> {
  return { vip: [], direct: [] };
}

async function addStreams(to: Record<Path, number[]>, frontend: Frontend): Promise<void> {
  const gbits = await measureStreams(frontend);
  for (const path of PATHS) to[path].push(...gbits[path]);
}

/** In the middle of all others by its name, where a chain of rules is walked half through. */
function intentFor({ vip, port, server }: Frontend): ServiceIntent {
  const id = `s-005000-${server.netns}`;
  return serviceIntent({ ...{ id, vip, port }, endpoints: [endpoint(server.address)] });
}

function hostWith(intent: FirewallIntent): DesiredHost {
  return {
    bridge: { name: 'cwy0', addresses: ['10.10.1.1/24'], mtu: 1500 },
    ...{ tunnels: [], routes: [], sysctls: {}, peers: [], problems: [] },
    firewalls: [intent],
  };
}

/** Nothing of what was before may cost the next one anything. */
async function clear(): Promise<void> {
  await sh(
    'nft flush ruleset; for t in nat filter raw; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done',
  );
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

async function sh(script: string): Promise<void> {
  await run('sh', ['-ec', script], { timeoutMs: 60_000 });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
