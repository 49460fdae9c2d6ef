import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Started, start } from '@causeway/shared/programs/start';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { etcdProgram } from '../support/etcd.ts';

/**
 * The program as it is started on a host, with the etcd that it starts itself, in a network namespace of its
 * own (ports 2379 and 7480 are fixed); it is asked through its unix socket.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 30_000;

let directory: string;
let program: string;
/** Another one for each test: what the last one left is none of its business. */
let socket: string;
let count = 0;
const running = new Set<Started>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-controller-'));
  program = join(directory, 'bin', 'controller.cjs');
  await build({
    entryPoints: [join(ROOT, 'controller/src/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
  cpSync(join(ROOT, 'node_modules/etcd3/proto'), join(directory, 'proto'), { recursive: true });
});

beforeEach(() => {
  count += 1;
  socket = join(directory, `run-${count}`, 'controller.sock');
});

afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all([...running].map(({ exited }) => exited));
  running.clear();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Program {
  readonly process: Started;
  readonly lines: string[];
}

/** Runs a shell line in new namespaces, where the loopback is up and `$CONTROLLER` starts a controller. */
function inNamespace(line: string): Program {
  const lines: string[] = [];
  const controller = `env CAUSEWAY_ETCD=${etcdProgram()} ${process.execPath} ${program} --etcd-data ${join(directory, 'etcd')}`;
  const args = ['--user', '--map-root-user', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const script = `ip link set lo up; CONTROLLER='${controller}'; ${line}`;
  const process_ = start('unshare', [...args, 'sh', '-c', script], {
    dieWithParent: true,
    onLine: (text) => lines.push(text),
  });
  running.add(process_);
  return { process: process_, lines };
}

function ask(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const onReply = (reply: IncomingMessage) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text }));
    };
    const headers = { 'content-type': 'application/json' };
    const asked = request({ socketPath: socket, path, method, headers, agent: false }, onReply);
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function until(what: string, holds: () => Promise<boolean>, program: Program): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadline)
      throw new Error(`${what}: not in time\n${program.lines.slice(-20).join('\n')}`);
    await sleep(20);
  }
}

const isReady = async () => (await ask('GET', '/readyz')).status === 200;

describe('causeway-controller', () => {
  it('starts its etcd, serves, and ends in order on SIGTERM', async () => {
    const started = inNamespace(`exec $CONTROLLER --socket ${socket}`);
    await until('the API answers', async () => (await ask('GET', '/livez')).status === 200, started);
    await until('etcd is there', isReady, started);
    const made = await ask('POST', '/v1/services', { name: 'a', vip: '2.2.2.2', ports: [{ port: 88 }] });
    expect(made.status).toBe(201);
    // The namespace's first process is the controller: ask it through its parent's child list.
    process.kill(childOf(started.process.pid), 'SIGTERM');
    expect(await started.process.exited).toMatchObject({ exitCode: 0 });
    expect(existsSync(socket)).toBe(false);
    expect(started.lines.at(-1)).toContain('"msg":"stopped"');
  });

  it('killed, it is started again by nobody but finds everything where it was', async () => {
    const first = inNamespace(`exec $CONTROLLER --socket ${socket}`);
    await until('etcd is there', isReady, first);
    await ask('PUT', '/v1/services/b', { ports: [{ port: 88, nodePort: 'auto' }] });
    first.process.kill('SIGKILL');
    await first.process.exited;
    expect(existsSync(socket)).toBe(true);
    const second = inNamespace(`exec $CONTROLLER --socket ${socket}`);
    await until('etcd is there again', isReady, second);
    const { text } = await ask('GET', '/v1/services/b');
    expect(JSON.parse(text)).toMatchObject({ name: 'b', vips: [expect.stringMatching(/^10\.96\./)] });
  });

  it('a second one is refused and leaves the first and its etcd alone', async () => {
    const both = inNamespace(
      `$CONTROLLER --socket ${socket} & while [ ! -S ${socket} ]; do sleep 0.05; done; sleep 0.1
      until $CONTROLLER --socket ${socket} >/dev/null; do echo "refused: $?"; break; done; wait`,
    );
    await until(
      'the second is refused',
      async () => both.lines.some((line) => line.startsWith('refused')),
      both,
    );
    expect(both.lines).toContain('refused: 1');
    expect(both.lines.join('\n')).toContain(`listening on ${socket}: another controller answers there`);
    await until('etcd is there', isReady, both);
  });

  it('goes on with the settings that the cluster has, and refuses a network too small for hosts', async () => {
    const other = inNamespace(`exec $CONTROLLER --socket ${socket} --service-range 10.99.0.0/16`);
    await until(
      'it says so',
      async () =>
        other.lines.some((line) => line.includes('--service-range: the cluster in etcd has another')),
      other,
    );
    await until('it serves', isReady, other);
    other.process.kill('SIGKILL');
    await other.process.exited;
    const small = inNamespace(`exec $CONTROLLER --socket ${socket} --network 10.10.0.0/30`);
    expect(await small.process.exited).toMatchObject({ exitCode: 2 });
    expect(small.lines).toEqual([
      'causeway-controller: network "10.10.0.0/30" is too small: a /28 or larger is needed, four subnets of /30',
    ]);
  });
});

function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  if (child === undefined || child < 2) throw new Error(`process ${pid} has no child`);
  return child;
}
