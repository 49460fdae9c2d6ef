import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Started, start } from '@causeway/shared/programs/start';
import { keys } from '@causeway/shared/store/keys';
import { etcdProgram } from '../support/etcd.ts';
import { median, type Row, rowOf } from './row.ts';

const PEERS = 1_000;
const CHANGES = 41;
/** Between two changes, so that each finds the agent at rest, milliseconds. */
const REST_MS = 400;
/** As long as the longest pause between two looks at everything, so that the figure holds one at least, milliseconds. */
const IDLE_MS = 180_000;
/** What the start left to be cleared away is cleared away by then, milliseconds. */
const SETTLED_MS = 20_000;
/** An idle node may get no processor time at all, which nothing can be compared with. */
const LEAST_PERCENT = 0.001;
const NAMESPACES = [
  '--user',
  '--map-root-user',
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
];

const ETCD_URL = 'http://127.0.0.1:2379';

/** A host 10.0.0.1 on a link for 65,534, an etcd, and a monitor of its routes. */
const SETUP = `
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add eth0 type veth peer name far
ip link set far up
ip address add 10.0.0.1/16 dev eth0
ip link set eth0 up
ip route add default via 10.0.0.254
set +e
`;

/** One host's real agent with a thousand peers, in namespaces of its own, with a real etcd. */
export async function benchAgent(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
  const host = openHost();
  try {
    await host.ask(SETUP);
    const etcd = await startEtcd(host, directory);
    await fill(etcd);
    const agent = await startAgent(host, directory);
    const rows = [...(await changedPeer(host, etcd)), ...(await atRest(host, agent))];
    return rows;
  } finally {
    await host.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Host {
  /** Runs lines of shell inside. @returns what they print */
  ask(script: string): Promise<readonly string[]>;
  /** Each line of `ip monitor route` goes to the listener as it comes. */
  onRoute(listener: (line: string) => void): void;
  close(): Promise<void>;
}

function openHost(): Host {
  let lines: string[] = [];
  let onRoute: (line: string) => void = () => undefined;
  let asked = 0;
  let answer: (lines: readonly string[]) => void = () => undefined;
  const shell: Started = start('unshare', [...NAMESPACES, 'sh', '-s'], {
    writable: true,
    dieWithParent: true,
    onLine: (line, stream) => {
      if (stream === 'stderr') console.error(line);
      else if (/ dev \S+ .*proto /.test(line)) onRoute(line);
      else if (line === `answered ${asked}`) answer(lines);
      else if (line !== '') lines.push(line);
    },
  });
  return {
    ask: (script) => {
      asked += 1;
      lines = [];
      return new Promise((resolve, reject) => {
        answer = resolve;
        void shell.exited.then(() => reject(new Error(`the bench's host ended at: ${script}`)));
        // Some programs do not end their last line.
        shell.write(`${script}\necho; echo answered ${asked}\n`);
      });
    },
    onRoute: (listener) => {
      onRoute = listener;
    },
    close: async () => {
      shell.kill('SIGKILL');
      await shell.exited;
    },
  };
}

/** Writes keys and values, and resolves when etcd has them. */
type Put = (values: Readonly<Record<string, unknown>>) => Promise<void>;

/** The agent reaches it over loopback, the bench from outside by a socket in the file system. */
async function startEtcd(host: Host, directory: string): Promise<Put> {
  // etcd 3.4 knows such sockets by a name that looks like HOST:PORT, in its working directory.
  const socket = 'etcd:1';
  const socketPath = join(directory, socket);
  const flags = [
    ...[`--data-dir=${directory}/data`, `--listen-client-urls=${ETCD_URL},unix://${socket}`],
    ...[`--advertise-client-urls=${ETCD_URL}`, '--listen-peer-urls=http://127.0.0.1:0'],
  ];
  await host.ask(`(cd ${directory}; exec '${etcdProgram()}' ${flags.join(' ')} >etcd.log 2>&1) &`);
  await until(async () => (await host.ask(`curl -sf ${ETCD_URL}/health`)).join('').includes('"true"'));
  const agent = new Agent({ keepAlive: true });
  const text = (value: string) => Buffer.from(value).toString('base64');
  return async (values) => {
    const success = Object.entries(values).map(([key, value]) => ({
      request_put: { key: text(key), value: text(JSON.stringify(value)) },
    }));
    const call = request({ socketPath, path: '/v3/kv/txn', method: 'POST', agent });
    call.end(JSON.stringify({ success }));
    const [reply] = await once(call, 'response');
    reply.resume();
    await once(reply, 'end');
    if (reply.statusCode !== 200) throw new Error(`etcd answered the bench with ${reply.statusCode}`);
  };
}

const subnetOf = (n: number) => `10.${16 + (n >> 8)}.${n & 255}.0/24`;
/** @param turn a peer has another address each turn */
const leaseOf = (n: number, turn = 0) => ({
  [keys.subnet({ ipv4: subnetOf(n) })]: {
    ...{ PublicIP: `10.0.${1 + turn * 8 + (n >> 8)}.${n & 255}`, BackendType: 'host-gw' },
  },
});

async function fill(put: Put): Promise<void> {
  await put({
    [keys.networkConfig]: { Network: '10.16.0.0/12', SubnetLen: 24, Backend: { Type: 'host-gw' } },
  });
  for (let n = 1; n <= PEERS; n += 100) {
    const leases = Array.from({ length: 100 }, (_, i) => leaseOf(n + i));
    await put(Object.assign({}, ...leases));
  }
}

/** @returns its process id on its host, when all routes are there */
async function startAgent(host: Host, directory: string): Promise<number> {
  const program = join(__dirname, 'causeway-agent.cjs');
  const flags = `--name host-1 --state-dir ${directory}/state --run-dir /run/causeway`;
  const line = `'${process.execPath}' '${program}' run ${flags} >${directory}/agent.log 2>&1 & echo $!`;
  const [pid] = await host.ask(line);
  const routes = async () => Number((await host.ask('ip route show proto 88 | wc -l'))[0]);
  await until(async () => (await routes()) === PEERS);
  await host.ask('ip -4 monitor route &');
  return Number(pid);
}

async function changedPeer(host: Host, put: Put): Promise<Row[]> {
  const seen: number[] = [];
  const written: number[] = [];
  for (let turn = 1; turn <= CHANGES; turn++) {
    await sleep(REST_MS);
    const n = 17 * turn;
    const route = new Promise<number>((resolve) => {
      host.onRoute((line) => {
        if (line.startsWith(`${subnetOf(n)} via 10.0.`)) resolve(performance.now());
      });
    });
    const startedAt = performance.now();
    await put(leaseOf(n, turn % 20 === 0 ? 1 : turn % 20));
    written.push(performance.now() - startedAt);
    seen.push((await route) - startedAt);
  }
  const name = `agent: one changed peer of ${PEERS}, etcd write to route (reference: the write alone)`;
  return [rowOf(name, 'ms', median(seen), median(written), '<= 20')];
}

/** Prints `PID RSS-KIB` and the processor time of a process and its children in nanoseconds. */
const MEASURE = `
rss() { while read -r key value rest; do [ "$key" = VmRSS: ] && echo "$value"; done </proc/$1/status; }
cpu() {
  for pid in $1 $(cat /proc/$1/task/*/children); do
    for task in /proc/$pid/task/*/schedstat; do read -r ran rest <"$task" && echo "$ran"; done
  done
  cut -d')' -f2 /proc/$1/stat | { read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user system rest; echo $(((user + system) * 10000000)); }
}
`;

async function atRest(host: Host, agent: number): Promise<Row[]> {
  await host.ask(MEASURE);
  const [idle] = await host.ask(`'${process.execPath}' -e 'setInterval(() => {}, 1000000)' & echo $!`);
  const cpuMs = async (pid: number) =>
    (await host.ask(`cpu ${pid}`)).reduce((sum, line) => sum + Number(line), 0) / 1e6;
  const rssMib = async (pid: number) => Number((await host.ask(`rss ${pid}`))[0]) / 1024;
  await sleep(SETTLED_MS);
  const before = { agent: await cpuMs(agent), idle: await cpuMs(Number(idle)), at: performance.now() };
  await sleep(IDLE_MS);
  const percent = (ms: number) => (100 * ms) / (performance.now() - before.at);
  const cpu = {
    agent: percent((await cpuMs(agent)) - before.agent),
    idle: percent((await cpuMs(Number(idle))) - before.idle),
  };
  const memory = { agent: await rssMib(agent), idle: await rssMib(Number(idle)) };
  const told = `${PEERS} peers (reference: node -e, idle)`;
  return [
    rowOf(`agent: resident memory with ${told}`, 'MiB', memory.agent, memory.idle, 'none'),
    rowOf(
      `agent: idle processor time with ${told}`,
      '% of a core',
      cpu.agent,
      Math.max(cpu.idle, LEAST_PERCENT),
      '<= 0.5',
    ),
  ];
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('the bench waited for a minute in vain');
    await sleep(50);
  }
}
