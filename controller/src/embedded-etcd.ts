import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, invalid, messageOf } from '@causeway/shared/errors';
import { parseAddress } from '@causeway/shared/net/cidr';
import { run } from '@causeway/shared/programs/run';
import { type Exit, type Started, start } from '@causeway/shared/programs/start';

export interface EmbeddedEtcdOptions {
  /** Where etcd keeps its data, `--etcd-data`. */
  readonly dataDir: string;
  /** Address besides 127.0.0.1 on which agents reach it, `--etcd-listen`. */
  readonly listen: string;
  /** Default 2379. */
  readonly clientPort?: number;
  /** Default 2380; on loopback only, since there is one member. */
  readonly peerPort?: number;
  /** Default: the environment's CAUSEWAY_ETCD, else `etcd` of the PATH. */
  readonly program?: string;
  /** Is told what etcd prints (`debug`) and what becomes of it. */
  readonly log: (level: 'debug' | 'info' | 'error', text: string) => void;
}

export interface EmbeddedEtcd {
  /** What the controller's own store connects to. */
  readonly endpoints: readonly string[];
  /** What the agents connect to. */
  readonly advertised: string;
  /** The process id at the moment: another one after a restart, undefined in between. */
  readonly pid: number | undefined;
  /** Ends etcd in order (SIGTERM, then SIGKILL); it is not started again. */
  stop(): Promise<void>;
}

const RESTART_MIN_MS = 200;
const RESTART_MAX_MS = 10_000;
/** An etcd that ran this long was healthy: the next restart is quick again. */
const HEALTHY_MS = 30_000;
const STOP_MS = 10_000;
/** etcd's own default, said aloud; 10,000 services take some tens of MiB. */
const QUOTA_BYTES = 2 * 1024 ** 3;
/** etcd's last lines are repeated when it ends unasked. */
const LAST_LINES = 5;

/**
 * Starts a real etcd of one member and starts it again whenever it ends. The kernel kills it when this process
 * dies, however it dies, so that a controller that starts anew finds the data free.
 *
 * Its coming up is not awaited: a store works before etcd does.
 *
 * @throws CausewayError `not-found` when there is no etcd program, `invalid` for a bad `listen`
 */
export async function startEmbeddedEtcd(options: EmbeddedEtcdOptions): Promise<EmbeddedEtcd> {
  if (parseAddress(options.listen) === undefined)
    throw invalid('etcd-listen', options.listen, 'is not an IPv4 address');
  const program = options.program ?? process.env.CAUSEWAY_ETCD ?? 'etcd';
  await run(program, ['--version'], { doing: 'looking for etcd (package etcd-server, or CAUSEWAY_ETCD)' });
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  await endPredecessor(options);
  const supervisor = supervise(program, options);
  const port = options.clientPort ?? 2379;
  return {
    endpoints: [`http://127.0.0.1:${port}`],
    advertised: clientUrls(options).at(-1) ?? '',
    get pid() {
      return supervisor.current()?.pid;
    },
    stop: () => supervisor.stop(),
  };
}

interface Supervisor {
  current(): Started | undefined;
  stop(): Promise<void>;
}

function supervise(program: string, options: EmbeddedEtcdOptions): Supervisor {
  const stopping = new AbortController();
  let current: Started | undefined;

  async function keepRunning(): Promise<void> {
    let pauseMs = RESTART_MIN_MS;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const ended = await runOnce();
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > HEALTHY_MS) pauseMs = RESTART_MIN_MS;
      options.log('error', `etcd ended, ${ended}; starting it again in ${pauseMs} ms`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, RESTART_MAX_MS);
    }
  }

  /** @returns how it ended, with its last words */
  async function runOnce(): Promise<string> {
    const last: string[] = [];
    const onLine = (line: string) => {
      options.log('debug', `etcd: ${line}`);
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
    };
    try {
      current = start(program, flags(options), { dieWithParent: true, onLine });
      writeFileSync(pidFile(options), `${current.pid}\n`);
      options.log('info', `etcd runs as process ${current.pid} with its data in ${options.dataDir}`);
      const exit = await current.exited;
      return `${exit.signal ?? `exit ${exit.exitCode}`}${last.length === 0 ? '' : `: ${last.join(' | ')}`}`;
    } catch (error) {
      return messageOf(error);
    } finally {
      current = undefined;
    }
  }

  const finished = keepRunning();
  return {
    current: () => current,
    stop: async () => {
      stopping.abort();
      if (current !== undefined) await endInOrder(current);
      await finished;
      rmSync(pidFile(options), { force: true });
    },
  };
}

function flags(options: EmbeddedEtcdOptions): string[] {
  const clients = clientUrls(options);
  const peer = `http://127.0.0.1:${options.peerPort ?? 2380}`;
  return [
    ...['--name=causeway', dataDirFlag(options), `--initial-cluster=causeway=${peer}`],
    ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
    ...[`--listen-client-urls=${clients.join(',')}`, `--advertise-client-urls=${clients.at(-1)}`],
    // Watches that are away for longer list again; without compaction the data grow for ever.
    ...['--auto-compaction-mode=periodic', '--auto-compaction-retention=1h'],
    ...[`--quota-backend-bytes=${QUOTA_BYTES}`, '--logger=zap', '--log-level=warn', '--log-outputs=stderr'],
  ];
}

/** The last one is the one to be told to others. */
function clientUrls(options: EmbeddedEtcdOptions): string[] {
  const port = options.clientPort ?? 2379;
  if (options.listen === '0.0.0.0') return [`http://0.0.0.0:${port}`];
  return [...new Set(['127.0.0.1', options.listen])].map((address) => `http://${address}:${port}`);
}

function dataDirFlag(options: EmbeddedEtcdOptions): string {
  return `--data-dir=${join(options.dataDir, 'member')}`;
}

function pidFile(options: EmbeddedEtcdOptions): string {
  return join(options.dataDir, 'etcd.pid');
}

async function endInOrder(etcd: Started): Promise<Exit> {
  etcd.kill('SIGTERM');
  const patience = setTimeout(() => etcd.kill('SIGKILL'), STOP_MS);
  const exit = await etcd.exited;
  clearTimeout(patience);
  return exit;
}

/**
 * Ends an etcd that a former controller left on these data, where the kernel could not do it. The command line
 * must name our data directory: the number in an old file may be another program's today.
 */
async function endPredecessor(options: EmbeddedEtcdOptions): Promise<void> {
  const pid = Number(readIfThere(pidFile(options)));
  const isOurs = () => readIfThere(`/proc/${pid}/cmdline`).split('\0').includes(dataDirFlag(options));
  if (!Number.isInteger(pid) || pid <= 1 || !isOurs()) return;
  options.log('info', `ending etcd process ${pid}, left by a former controller`);
  for (const [signal, patienceMs] of [
    ['SIGTERM', STOP_MS],
    ['SIGKILL', STOP_MS],
  ] as const) {
    signalIfThere(pid, signal);
    for (const until = performance.now() + patienceMs; isOurs() && performance.now() < until; )
      await sleep(50);
    if (!isOurs()) return;
  }
  throw new CausewayError('conflict', `starting etcd: process ${pid} on the same data does not end`);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ESRCH') return;
    throw new CausewayError('conflict', `ending etcd process ${pid}: ${messageOf(cause)}`, { cause });
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
