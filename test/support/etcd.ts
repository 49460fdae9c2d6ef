import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Started, start } from '@causeway/shared/run';

/** A real etcd on loopback for one test file; its data is in a directory of its own. */
export interface TestEtcd {
  /** `http://127.0.0.1:PORT`, the same over restarts. */
  readonly endpoint: string;
  /** SIGKILL, as in a crash; the data stay. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Stops the process without ending it (SIGSTOP): connections stay open, and when this resolves nothing answers. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

const READY_MS = 20_000;

/** Starts an etcd and waits until it answers. */
export async function startEtcd(): Promise<TestEtcd> {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-etcd-'));
  const [clientPort, peerPort] = await freePorts(2);
  const endpoint = `http://127.0.0.1:${clientPort}`;
  const args = flags(join(directory, 'data'), endpoint, `http://127.0.0.1:${peerPort}`);
  let member = await boot(args, endpoint);

  async function kill(): Promise<void> {
    member.kill('SIGKILL');
    await member.exited;
  }

  return {
    endpoint,
    kill,
    restart: async () => {
      member = await boot(args, endpoint);
    },
    freeze: async () => {
      member.kill('SIGSTOP');
      while (!isStopped(member.pid)) await sleep(1);
    },
    thaw: () => void member.kill('SIGCONT'),
    stop: async () => {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A process is stopped when each of its threads is: proc_pid_stat(5), state T. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8')),
  );
}

/** Ports that nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(listen));
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('a test server has no port'));
    });
  });
}

function flags(dataDir: string, client: string, peer: string): string[] {
  return [
    ...['--name=test', `--data-dir=${dataDir}`, `--initial-cluster=test=${peer}`],
    ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
  ];
}

/** The same look-up as the product's (CAUSEWAY_ETCD, else `etcd` of the PATH); ETCD_BIN is for tests alone. */
export function etcdProgram(): string {
  return process.env.CAUSEWAY_ETCD ?? process.env.ETCD_BIN ?? 'etcd';
}

async function boot(args: readonly string[], endpoint: string): Promise<Started> {
  const lines: string[] = [];
  const member = start(etcdProgram(), args, { dieWithParent: true, onLine: (line) => lines.push(line) });
  let ended = false;
  void member.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + READY_MS;
  while (!(await isHealthy(endpoint))) {
    if (ended || Date.now() > deadline) {
      member.kill('SIGKILL');
      throw new Error(`etcd did not start:\n${lines.slice(-20).join('\n')}`);
    }
    await sleep(20);
  }
  return member;
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const reply = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1_000) });
    return (await reply.text()).includes('"true"');
  } catch {
    return false;
  }
}
