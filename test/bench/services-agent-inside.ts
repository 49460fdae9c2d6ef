import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '@causeway/shared/programs/run';
import { type Started, start } from '@causeway/shared/programs/start';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { keys } from '@causeway/shared/store/keys';
import { startEtcd } from '../support/etcd.ts';
import { intentOf } from '../support/intents.ts';
import { idleMemory, residentMb } from './services-cluster-memory.ts';
import { fillTask, intentOfNumber } from './services-cluster-services.ts';
import { type BareHost, startOn } from './services-start.ts';

/** The bench's program for inside of a network namespace that nobody else uses: it prints one `Starts` as JSON. */
export interface Starts {
  readonly services: number;
  /** Milliseconds, of the agent and of nft alone. */
  readonly ours: readonly number[];
  readonly alone: readonly number[];
  /** Of the agent, some seconds after each start. */
  readonly residentMb: readonly number[];
  readonly idleMb: number;
}

const SERVICES = 10_000;
const ROUNDS = 5;
/** Until what came of the start, garbage and reports, has settled, milliseconds. */
const SETTLED_MS = 20_000;
const NETWORK = { Network: '10.10.0.0/16', SubnetLen: 24, Backend: { Type: 'host-gw' } };

/** A host 192.168.122.11 on a link. */
const HOST = `
ip link set lo up
ip link add eth0 type veth peer name wire
ip address add 192.168.122.11/24 dev eth0
ip link set eth0 up
ip link set wire up
`;

async function main(): Promise<void> {
  if (Object.keys(networkInterfaces()).length > 0)
    throw new Error('this network is somebody’s: nothing was done');
  const directory = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
  await sh(HOST);
  const etcd = await startEtcd();
  try {
    const store = openEtcdStore({ endpoints: [etcd.endpoint] });
    await store.transaction([], [{ put: keys.networkConfig, value: JSON.stringify(NETWORK) }]);
    store.close();
    await fillTask({ etcd: etcd.endpoint, count: SERVICES });
    process.stdout.write(JSON.stringify(await measure(etcd.endpoint, directory)));
  } finally {
    await etcd.stop();
    rmSync(directory, { recursive: true });
  }
}

/** One after the other, each on a kernel that holds nothing. */
async function measure(etcd: string, directory: string): Promise<Starts> {
  const input = nftables.full(intentOf(Array.from({ length: SERVICES }, (_, i) => intentOfNumber(i))));
  const [ours, alone, resident]: number[][] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    let agent: Started | undefined;
    const host: BareHost = {
      ...{ name: 'host-1', spawn, sh },
      startAgent: async () => {
        agent = start(process.execPath, agentOf(etcd, directory), { dieWithParent: true });
      },
    };
    await sh('nft flush ruleset');
    ours?.push(await startOn(host, SERVICES));
    if (agent === undefined) throw new Error('no agent was started');
    if (round === 0) await sleep(SETTLED_MS);
    resident?.push(residentMb(agent.pid));
    agent.kill();
    await agent.exited;
    await sh('nft flush ruleset');
    const startedAt = performance.now();
    await run('nft', ['-f', '-'], { input });
    alone?.push(performance.now() - startedAt);
  }
  return {
    ...{ services: SERVICES, idleMb: await idleMemory() },
    ...{ ours: ours ?? [], alone: alone ?? [], residentMb: resident ?? [] },
  };
}

function agentOf(etcd: string, directory: string): string[] {
  const files = ['--state-dir', join(directory, 'state'), '--run-dir', join(directory, 'run')];
  return [
    ...[join(__dirname, 'causeway-agent.cjs'), 'run', '--etcd', etcd, '--name', 'host-1', '--iface', 'eth0'],
    ...[...files, '--subnet-file', 'none', '--health-addr', 'off', '--log-level', 'error'],
  ];
}

const spawn: BareHost['spawn'] = ([command = '', ...args], onLine) => {
  const program = start(command, args, { onLine, dieWithParent: true });
  return () => program.kill('SIGKILL');
};

async function sh(script: string): Promise<string> {
  return (await run('sh', ['-ec', script])).stdout;
}

void main();
