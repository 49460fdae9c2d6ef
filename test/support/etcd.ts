import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Started, start } from '@causeway/shared/programs/start';

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

export interface EtcdOptions {
  /** Files of `makeCertificates`; clients must have a certificate too with `clients`. */
  readonly tls?: {
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly clients?: boolean;
  };
}

/** Starts an etcd and waits until it answers. */
export async function startEtcd(options: EtcdOptions = {}): Promise<TestEtcd> {
  const [member] = await startMembers(1, options);
  if (member === undefined) throw new Error('a cluster of one has no member');
  return member;
}

/** Starts a cluster on loopback and waits until every member answers. */
export async function startEtcdCluster(count: number): Promise<readonly TestEtcd[]> {
  return startMembers(count, {});
}

async function startMembers(count: number, options: EtcdOptions): Promise<readonly TestEtcd[]> {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-etcd-'));
  const ports = await freePorts(count * 3);
  const members = Array.from({ length: count }, (_, i): Member => {
    const [client, peer, health] = ports.slice(i * 3);
    return {
      name: `test-${i}`,
      directory: join(directory, `test-${i}`),
      endpoint: `http${options.tls === undefined ? '' : 's'}://127.0.0.1:${client}`,
      peer: `http://127.0.0.1:${peer}`,
      health: `http://127.0.0.1:${health}`,
    };
  });
  const started = await Promise.all(
    members.map((member) => runMember(member, flags(member, members, options))),
  );
  return started.map((member) => ({
    ...member,
    stop: async () => {
      await member.stop();
      if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true, force: true });
    },
  }));
}

async function runMember(
  { directory, endpoint, health }: Member,
  args: readonly string[],
): Promise<TestEtcd> {
  let member = await boot(args, health);

  async function kill(): Promise<void> {
    member.kill('SIGKILL');
    await member.exited;
  }

  return {
    endpoint,
    kill,
    restart: async () => {
      member = await boot(args, health);
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

interface Member {
  readonly name: string;
  readonly directory: string;
  readonly endpoint: string;
  readonly peer: string;
  /** Without TLS, whatever the endpoint has. */
  readonly health: string;
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

function flags(member: Member, members: readonly Member[], { tls }: EtcdOptions): string[] {
  const { name, directory, endpoint, peer, health } = member;
  return [
    ...[`--name=${name}`, `--data-dir=${directory}`],
    `--initial-cluster=${members.map((one) => `${one.name}=${one.peer}`).join(',')}`,
    ...[`--listen-client-urls=${endpoint}`, `--advertise-client-urls=${endpoint}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
    `--listen-metrics-urls=${health}`,
    ...(tls === undefined ? [] : [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`]),
    ...(tls?.clients ? [`--trusted-ca-file=${tls.ca}`, '--client-cert-auth'] : []),
  ];
}

/** The same look-up as the product's (CAUSEWAY_ETCD, else `etcd` of the PATH); ETCD_BIN is for tests alone. */
export function etcdProgram(): string {
  return process.env.CAUSEWAY_ETCD ?? process.env.ETCD_BIN ?? 'etcd';
}

async function boot(args: readonly string[], health: string): Promise<Started> {
  const lines: string[] = [];
  const member = start(etcdProgram(), args, { dieWithParent: true, onLine: (line) => lines.push(line) });
  let ended = false;
  void member.exited.then(() => {
    ended = true;
  });
  const deadline = Date.now() + READY_MS;
  while (!(await isHealthy(health))) {
    if (ended || Date.now() > deadline) {
      member.kill('SIGKILL');
      throw new Error(`etcd did not start:\n${lines.slice(-20).join('\n')}`);
    }
    await sleep(20);
  }
  return member;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    return (await reply.text()).includes('"true"');
  } catch {
    return false;
  }
}
