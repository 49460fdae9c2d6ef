import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredHost } from '@causeway/shared/desired/host';
import { run } from '@causeway/shared/programs/run';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { linuxKernel } from '../../node-agent/src/kernel/linux.ts';
import { networkLook } from '../../node-agent/src/kernel/look.ts';
import { createConverger } from '../../node-agent/src/loop/converge.ts';
import { createPace } from '../../node-agent/src/loop/pace.ts';
import { reasonOf } from '../../node-agent/src/loop/peers.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { manyPeers, type Shape } from './many-peers.ts';

/** The bench's program for inside of a network namespace that nobody else uses: it prints one `Measured` as JSON. */
export interface Measured {
  readonly applies: readonly { readonly name: string; readonly ours: number[]; readonly alone: number[] }[];
  readonly change: readonly number[];
  readonly look: readonly number[];
  readonly repairs: readonly number[];
}

const PEERS = 1_000;
const ROUNDS = 9;
const CHANGES = 21;
const REPAIRS = 20;
/** A network at rest: the echo of the last change is over, milliseconds. */
const REST_MS = 350;
const rulesets = { nftables, iptables };

const SETUP = `
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add eth0 type veth peer name far
ip link set far up
ip address add 172.16.0.1/16 dev eth0
ip address add fd00:122::1/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 172.16.255.254
`;

/** Removes all peers, so that the next apply is a first one; links and their addresses stay. */
const CLEAR = `
ip route flush proto 88; ip -6 route flush proto 88
for link in cwyx.1 cwyx6.1; do
  ip link show $link >/dev/null 2>&1 && ip neighbour flush dev $link nud permanent
  bridge fdb show dev $link 2>/dev/null | sed "s/ .*//; s/^/fdb delete /; s/$/ dev $link/" | bridge -batch -
done
true
`;

async function main(): Promise<void> {
  if (Object.keys(networkInterfaces()).length > 0)
    throw new Error('this network is somebody’s: nothing was done');
  const stateDir = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
  try {
    await sh(SETUP);
    const kernel = linuxKernel({ stateDir, rulesets });
    const applies: Measured['applies'][number][] = [];
    for (const shape of ['IPv4 routes', 'IPv6 routes', 'VXLAN: route, neighbour and entry'] as const)
      applies.push({ name: `${shape} (reference: ip -batch)`, ...(await firstApplies(kernel, shape)) });
    await sh(CLEAR);
    const measured: Measured = { applies, ...(await changes(kernel)), repairs: await repairs(kernel) };
    process.stdout.write(JSON.stringify(measured));
  } finally {
    rmSync(stateDir, { recursive: true });
  }
}

type Kernel = ReturnType<typeof linuxKernel>;

async function firstApplies(kernel: Kernel, shape: Shape): Promise<{ ours: number[]; alone: number[] }> {
  const desired = manyPeers(PEERS, shape);
  await bring(kernel, manyPeers(0, shape));
  const [ours, alone]: [number[], number[]] = [[], []];
  // The first of each only warms up what is loaded once.
  for (let round = 0; round <= ROUNDS; round++) {
    const mine = await timed(() => bring(kernel, desired));
    await sh(CLEAR);
    const plain = await timed(() => byHand(desired));
    await sh(CLEAR);
    if (round === 0) continue;
    ours.push(mine);
    alone.push(plain);
  }
  return { ours, alone };
}

/** Look, plan, apply. */
async function bring(kernel: Kernel, desired: DesiredHost): Promise<void> {
  const { steps } = plan(desired, await kernel.observe({ network: networkLook(desired) }), rulesets);
  const lost = (await kernel.apply(steps)).filter(({ fate }) => fate !== 'done');
  if (lost[0] !== undefined) throw new Error(`${lost.length} steps failed: ${reasonOf(lost[0])}`);
}

/** What somebody would write who had the list of peers and nothing else. */
async function byHand({ routes, tunnels }: DesiredHost): Promise<void> {
  const neighbours = tunnels.flatMap(({ name, neighbours: all }) =>
    all.map(({ address, mac }) => `neighbour add ${address} lladdr ${mac} dev ${name} nud permanent`),
  );
  const entries = tunnels.flatMap(({ name, neighbours: all }) =>
    all.map(({ mac, remote }) => `fdb add ${mac} dev ${name} dst ${remote} self permanent`),
  );
  const ways = routes.map(
    ({ destination, gateway, device, onlink }) =>
      `route add ${destination} via ${gateway} dev ${device} proto 88${onlink ? ' onlink' : ''}`,
  );
  if (entries.length > 0) await run('bridge', ['-batch', '-'], { input: `${entries.join('\n')}\n` });
  await run('ip', ['-batch', '-'], { input: `${[...neighbours, ...ways].join('\n')}\n` });
}

/** One peer that moves, by the fast path; and a look at all as the reference. */
async function changes(kernel: Kernel): Promise<Pick<Measured, 'change' | 'look'>> {
  const converger = createConverger({ kernel, rulesets, tool: 'nft' });
  const desired = manyPeers(PEERS, 'IPv4 routes');
  await converger.round(desired, { network: true, firewall: true });
  const [change, look]: [number[], number[]] = [[], []];
  for (let i = 0; i < CHANGES; i++) {
    const routes = desired.routes.map((route, n) =>
      n === i * 7 ? { ...route, gateway: '172.16.200.200' } : route,
    );
    change.push(
      await timed(() => converger.round({ ...desired, routes }, { network: false, firewall: false })),
    );
    look.push(await timed(() => converger.round(desired, { network: true, firewall: false })));
  }
  return { change, look };
}

/** As the agent's loop does: from the monitor's signal to the end of the round that mends it. */
async function repairs(kernel: Kernel): Promise<number[]> {
  const converger = createConverger({ kernel, rulesets, tool: 'nft' });
  const desired = manyPeers(PEERS, 'IPv4 routes');
  await converger.round(desired, { network: true, firewall: true });
  let onSignal: () => void = () => undefined;
  const focus = { iface: 'eth0', sysctls: Object.keys(desired.sysctls) };
  const watching = kernel.watch({ tool: 'nft', bridge: 'cwy0', ...focus, onSignal: () => onSignal() });
  await sleep(1_000);
  const took: number[] = [];
  for (let i = 0; i < REPAIRS; i++) {
    const pace = createPace();
    const signal = new Promise<number>((resolve) => {
      onSignal = () => resolve(performance.now());
    });
    await sh(`ip route delete ${desired.routes[i * 31]?.destination}`);
    const at = await signal;
    await sleep(pace.delay(at));
    const [{ repairs: mended }] = await Promise.all([
      converger.round(desired, { network: true, firewall: false }),
      kernel.host({ name: 'host-1', id: 'id-1', iface: 'eth0' }),
    ]);
    took.push(performance.now() - at);
    if (mended !== 1) throw new Error(`${mended} repairs of one route`);
    await sleep(REST_MS);
  }
  watching.close();
  return took;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

async function sh(script: string): Promise<void> {
  await run('sh', ['-ec', script]);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
