import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunResult } from '../../shared/src/programs/run.ts';
import { keys } from '../../shared/src/store/keys.ts';
import { useBundle } from '../support/bundle.ts';
import { etcdProgram } from '../support/etcd.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import { comesBack, isSoon } from '../support/soon.ts';

/** The program itself: real etcd, real kernel, two hosts on one switch, all in throw-away namespaces. */
const URL = 'http://192.168.122.1:2379';
/** A repair must be complete within this time, milliseconds. */
const REPAIR_MS = 1_000;
const PATIENCE = { timeout: 60_000, interval: 50 };

const program = useBundle(new globalThis.URL('../../node-agent/src/main.ts', import.meta.url));
let world: Netns;
let dir: string;

const HOST = (n: number) => `
ip netns add h${n}
ip link add v${n} master sw type veth peer name eth0 netns h${n}
ip link set v${n} up
ip -n h${n} link set lo up
ip -n h${n} address add 192.168.122.1${n}/24 dev eth0
ip -n h${n} link set eth0 up
ip -n h${n} route add default via 192.168.122.1
nsenter --net=/run/netns/h${n} sh -c 'echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables' || true
`;

beforeEach(async () => {
  world = await openNetns();
  dir = mkdtempSync(join(tmpdir(), 'causeway-hosts-'));
  await world.sh('ip link add sw type bridge; ip address add 192.168.122.1/24 dev sw; ip link set sw up');
  await world.sh(`${HOST(1)}${HOST(2)}`);
  await startEtcd();
  await put(keys.networkConfig, { Network: '10.10.0.0/16', SubnetLen: 24, Backend: { Type: 'host-gw' } });
});
afterEach(async () => {
  await world.close();
  rmSync(dir, { recursive: true });
});

async function startEtcd(): Promise<void> {
  const flags = `--data-dir ${dir}/etcd --listen-client-urls ${URL} --advertise-client-urls ${URL} --listen-peer-urls http://127.0.0.1:0`;
  await world.sh(`${etcdProgram()} ${flags} >${dir}/etcd.log 2>&1 & echo $! > ${dir}/etcd.pid`);
  await vi.waitFor(() => world.sh(`curl -sf ${URL}/health | grep -q true`), PATIENCE);
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function put(key: string, value: unknown): Promise<void> {
  const body = JSON.stringify({ key: base64(key), value: base64(JSON.stringify(value)) });
  await world.exec('curl', ['-sf', `${URL}/v3/kv/put`, '-d', body]);
}

async function get(key: string): Promise<unknown> {
  const { stdout } = await world.exec('curl', [
    '-sf',
    `${URL}/v3/kv/range`,
    '-d',
    JSON.stringify({ key: base64(key) }),
  ]);
  const value: unknown = JSON.parse(stdout).kvs?.[0]?.value;
  return typeof value === 'string' ? JSON.parse(Buffer.from(value, 'base64').toString()) : undefined;
}

const flagsOf = (n: number, name = `host-${n}`) =>
  `--etcd ${URL} --name ${name} --state-dir ${dir}/state-${n} --run-dir /run/causeway-${n} --subnet-file ${dir}/subnet-${n}.env`;

function on(n: number, script: string): Promise<string> {
  return world.sh(`exec nsenter --net=/run/netns/h${n} sh -ec '${script}'`).then(({ stdout }) => stdout);
}

/** Any exit code is an answer here. */
function agent(n: number, command: string, name?: string): Promise<RunResult> {
  const line = `nsenter --net=/run/netns/h${n} node ${program.path} ${command} ${flagsOf(n, name)}`;
  return world.sh(`exec ${line}`, { okCodes: [1, 2] });
}

/** @returns ends it in order and gives its exit code */
async function startAgent(n: number, dataplane: string): Promise<() => Promise<string>> {
  const line = `nsenter --net=/run/netns/h${n} node ${program.path} run ${flagsOf(n)} --dataplane ${dataplane}`;
  const pidFile = `${dir}/pid-${n}`;
  const exitFile = `${dir}/exit-${n}`;
  rmSync(exitFile, { force: true });
  await world.sh(`(${line} & echo $! > ${pidFile}; wait $!; echo $? > ${exitFile}) >>${dir}/log-${n} 2>&1 &`);
  return async () => {
    await world.sh(`kill $(cat ${pidFile})`);
    return vi.waitFor(async () => (await readFile(exitFile, 'utf8')).trim(), PATIENCE);
  };
}

/** Waits until host 1 has its route to host 2 and says so. */
async function settled(): Promise<void> {
  await vi.waitFor(
    async () =>
      expect(await get(keys.report('host-1'))).toMatchObject({
        ...{ peersWanted: 1, peersInstalled: 1, peers: [] },
        problems: [],
      }),
    PATIENCE,
  );
}

const STATE = `
ip -o address | sed "s/ *valid_lft.*//; /inet6/d"
ip -4 route show table all | sed "s/ linkdown//" | sort
nft list ruleset
sysctl -a 2>/dev/null | grep "^net\\.\\(ipv4\\|bridge\\)" | grep -v "nf_conntrack\\|_mem\\|\\.neigh\\."
`;

describe.each([
  { dataplane: 'nftables', list: 'nft list ruleset', flush: 'nft delete table ip causeway' },
  { dataplane: 'iptables', list: 'iptables-save', flush: 'iptables -t nat -F' },
])('the agent with $dataplane', ({ dataplane, list, flush }) => {
  it('joins, repairs within a second, stops without a trace of it, and cleans up', async () => {
    const before = await on(1, STATE);
    await startAgent(2, dataplane);
    const stop = await startAgent(1, dataplane);
    await settled();
    const plan = await agent(1, `plan --dataplane ${dataplane}`);
    expect([plan.stdout, plan.exitCode]).toEqual(['nothing to do\n', 0]);

    const whole = async () => {
      const rules = (await on(1, list)).replace(/\[\d+:\d+\]|counter packets \d+ bytes \d+/g, '');
      const lines = rules.split('\n').filter((line) => !line.startsWith('#'));
      return [...lines.sort(), await on(1, 'ip route show proto 88')];
    };
    const stood = await whole();
    for (const damage of [flush, 'ip route flush proto 88', flush])
      await isSoon(REPAIR_MS, async () => {
        await on(1, damage);
        return comesBack(whole, stood);
      });
    expect((await agent(1, 'cleanup')).stderr).toMatch(
      /^causeway-agent: an agent is running on this host already/,
    );

    expect(await stop()).toBe('0');
    expect(await whole()).toEqual(stood);
    const cleaned = await agent(1, 'cleanup');
    expect([cleaned.exitCode, cleaned.stderr]).toEqual([0, '']);
    expect(await on(1, STATE)).toBe(before);
    expect(await get(keys.node('host-1'))).toBeUndefined();
    expect((await agent(1, 'cleanup')).stdout).toBe('nothing to remove\n');
    await vi.waitFor(async () => expect(await on(2, 'ip route show proto 88')).toBe(''), PATIENCE);
  });
});

describe('the agent', () => {
  const hasRoute = () =>
    vi.waitFor(
      async () => expect(await on(1, 'ip route show proto 88')).toMatch(/via 192.168.122.12/),
      PATIENCE,
    );

  it('goes on without etcd, and after a restart touches nothing until it is back', async () => {
    await startAgent(2, 'nftables');
    const stop = await startAgent(1, 'nftables');
    await settled();
    await world.sh(`kill -9 $(cat ${dir}/etcd.pid)`);
    await on(1, 'ip route flush proto 88');
    await hasRoute();
    expect(await stop()).toBe('0');
    const stopAgain = await startAgent(1, 'nftables');
    await vi.waitFor(
      async () => expect(await readFile(`${dir}/log-1`, 'utf8')).toMatch(/not joined yet/),
      PATIENCE,
    );
    await on(1, 'ip route flush proto 88');
    await startEtcd();
    await hasRoute();
    expect(await stopAgain()).toBe('0');
  });

  it('cleans up without etcd, and says what runs out by itself', async () => {
    const stop = await startAgent(1, 'nftables');
    await vi.waitFor(async () => expect(await get(keys.report('host-1'))).toBeDefined(), PATIENCE);
    await stop();
    await world.sh(`kill -9 $(cat ${dir}/etcd.pid)`);
    const { exitCode, stderr } = await agent(1, 'cleanup');
    expect([exitCode, stderr]).toEqual([
      0,
      expect.stringMatching(/^not given back in etcd, where it runs out by itself/),
    ]);
    expect(await on(1, 'ip link show type bridge; nft list ruleset; ip route show proto 88')).toBe('');
  });

  it('refuses what cannot work, in one sentence', async () => {
    await startAgent(2, 'nftables');
    await vi.waitFor(async () => expect(await get(keys.report('host-2'))).toBeDefined(), PATIENCE);
    const twin = await agent(1, 'run', 'host-2');
    expect([twin.exitCode, twin.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^causeway-agent: joining as host "host-2": another host .* is running under this name.*\n$/,
      ),
    ]);
    const lost = await agent(1, 'run --iface eth7');
    expect([lost.exitCode, lost.stderr]).toEqual([
      1,
      'causeway-agent: --iface "eth7" is no link of this host\n',
    ]);
    const typo = await agent(1, 'plan --resync-seconds soon');
    expect([typo.exitCode, typo.stderr]).toEqual([
      2,
      'causeway-agent: --resync-seconds "soon" is no whole number from 1 to 86400\n',
    ]);
    const unborn = await agent(1, 'plan');
    expect([unborn.exitCode, unborn.stdout]).toEqual([
      1,
      expect.stringMatching(/^lease a subnet of 10.10.0.0\/16 for host-1/),
    ]);
    expect(await on(1, 'ip link show type bridge; nft list ruleset')).toBe('');
  });
});
