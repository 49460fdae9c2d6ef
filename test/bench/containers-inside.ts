import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '@causeway/shared/programs/run';
import { serveInside } from './inside.ts';

/** The bench's program on the lab's only host: it starts, attaches and removes containers as `openInside` asks. */

/** Times of many containers, milliseconds, and what they cost. */
export interface Many {
  readonly ours: number;
  /** One after the other, by `runc run` alone, divided by this machine's processors. */
  readonly runc: number;
  /** On disk and in /run, per container. */
  readonly bytesEach: number;
  /** Of the image that all of them are of. */
  readonly imageBytes: number;
}

const HOME = '/var/lib/causeway/bench';
const BUNDLE = join(HOME, 'bundle');
const RUNC = ['--root', '/run/bench-runc'];
/** Where the model of all others is found: the lab's own container. */
const MODEL = 'web-1';
const OWN = ['/var/lib/causeway', '/run/causeway'];
const COMMAND = ['sleep', '1000000'];
const PATIENCE_MS = 60_000;
const MANY_PATIENCE_MS = 300_000;
/** Between looks, milliseconds: for a long list rarely enough to take no part in what is measured. */
const LOOK_MS = 20;
const LOOK_AT_MANY_MS = 200;
const nowhere = openSync('/dev/null', 'w');
const agent = new Agent({ keepAlive: true });
let last = 0;

interface View {
  readonly name: string;
  readonly status?: { readonly state: string; readonly address?: string; readonly reason?: string };
}

/** A bundle as ours are, with a root of its own and no network made by anybody. */
async function prepare(): Promise<void> {
  if (existsSync(BUNDLE)) return;
  mkdirSync(BUNDLE, { recursive: true });
  const config = JSON.parse(readFileSync(`/run/causeway/bundles/${MODEL}/config.json`, 'utf8'));
  await run('cp', ['-a', '--', config.root.path, join(BUNDLE, 'rootfs')]);
  config.root = { path: 'rootfs' };
  config.process.args = COMMAND;
  config.linux.namespaces = config.linux.namespaces.map(({ type }: { type: string }) => ({ type }));
  config.linux.sysctl = {};
  delete config.linux.cgroupsPath;
  writeFileSync(join(BUNDLE, 'config.json'), JSON.stringify(config));
  // The bridge looks for a new neighbour's address every 5 ms and not every second, or that is what would be measured.
  writeFileSync('/proc/sys/net/ipv4/neigh/cwy0/retrans_time_ms', '5');
}

/** @returns milliseconds that `runc run` takes until the container runs */
async function runcAlone(): Promise<number> {
  const id = `alone-${last++}`;
  const took = await timed(() => runcRun(id));
  await run('runc', [...RUNC, 'delete', '--force', id]);
  return took;
}

/** The container keeps what runc is given as output. */
async function runcRun(id: string): Promise<void> {
  await run('runc', [...RUNC, 'run', '--detach', '--bundle', BUNDLE, id], { outputFd: nowhere });
}

/** @returns milliseconds from the request to the first answer to a ping */
async function start(): Promise<number> {
  const name = `started-${last++}`;
  const took = await untilPing(name, (address) => ({
    command: COMMAND,
    network: { kind: 'bridge', address },
  }));
  await remove(name);
  return took;
}

/** The same of a process that somebody else started without a network. */
async function attach(): Promise<number> {
  const name = `attached-${last++}`;
  const other = spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep 1000000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => other.stdout.once('data', resolve));
  try {
    return await untilPing(name, (address) => ({
      ...{ command: [], attach: { kind: 'pid', id: `${other.pid}` } },
      network: { kind: 'bridge', address },
    }));
  } finally {
    await remove(name);
    other.kill('SIGKILL');
  }
}

/** @param count containers of one image at once, and by runc one after the other */
async function many(count: unknown): Promise<Many> {
  const names = Array.from({ length: Number(count) }, (_, i) => `many-${i}`);
  const before = await used();
  const ours = await timed(async () => {
    await Promise.all(
      names.map((name) => ask('POST', '/v1/containers', { name, host: 'host-1', command: COMMAND })),
    );
    await until(MANY_PATIENCE_MS, LOOK_AT_MANY_MS, async () => {
      const { items } = (await ask('GET', '/v1/containers?limit=1000')) as { items: readonly View[] };
      return names.every((name) => items.find((each) => each.name === name)?.status?.state === 'running');
    });
  });
  const bytesEach = ((await used()) - before) / names.length;
  await remove(...names);
  const serial = await timed(async () => {
    for (const name of names) await runcRun(name);
  });
  for (const name of names) await run('runc', [...RUNC, 'delete', '--force', name]);
  const { stdout } = await run('du', ['-s', '--block-size=1', join(BUNDLE, 'rootfs')]);
  return { ours, runc: serial / cpus().length, bytesEach, imageBytes: Number.parseInt(stdout, 10) };
}

async function untilPing(name: string, spec: (address: string) => object): Promise<number> {
  const address = await freeAddress();
  const ping = spawn('ping', ['-n', '-i', '0.002', address], { stdio: ['ignore', 'pipe', 'ignore'] });
  const answered = new Promise<number>((resolve, reject) => {
    createInterface({ input: ping.stdout }).on('line', (line) => {
      if (/ bytes from /.test(line)) resolve(performance.now());
    });
    ping.on('exit', () => reject(new Error(`${name} did not answer`)));
    setTimeout(() => ping.kill(), PATIENCE_MS).unref();
  });
  // It asks already when the request is sent.
  await sleep(50);
  const began = performance.now();
  await ask('POST', '/v1/containers', { name, host: 'host-1', ...spec(address) });
  try {
    return (await answered) - began;
  } finally {
    ping.kill('SIGKILL');
  }
}

/** High up in the host's subnet, where nobody is given one by chance. */
async function freeAddress(): Promise<string> {
  const { status } = (await ask('GET', `/v1/containers/${MODEL}`)) as View;
  return `${(status?.address ?? '').replace(/\.\d+$/, '')}.${200 + (last % 50)}`;
}

/**
 * Returns when the host has nothing of them any more: what is left would be measured with the next figure. Of what is removed
 * before its host has said a word of it nobody could tell when it is gone.
 */
async function remove(...names: readonly string[]): Promise<void> {
  const everyMs = names.length > 1 ? LOOK_AT_MANY_MS : LOOK_MS;
  const untilSaid = (holds: (said: ReadonlySet<string>) => boolean) =>
    until(MANY_PATIENCE_MS, everyMs, async () => {
      const { items } = (await ask('GET', '/v1/container-status?limit=1000')) as { items: readonly View[] };
      return holds(new Set(items.map(({ name }) => name)));
    });
  await untilSaid((said) => names.every((name) => said.has(name)));
  await Promise.all(names.map((name) => ask('DELETE', `/v1/containers/${name}?force=true`)));
  await untilSaid((said) => !names.some((name) => said.has(name)));
  const gone = new Set(names);
  const left = readdirSync('/run/netns').filter((file) => gone.has(file.replace(/^cwya?-/, '')));
  if (left.length > 0) throw new Error(`told to be gone, and left something behind: ${left.join(', ')}`);
}

async function used(): Promise<number> {
  const { stdout } = await run('du', ['-sxc', '--block-size=1', ...OWN]);
  return Number.parseInt(stdout.trim().split('\n').at(-1) ?? '', 10);
}

async function until(patienceMs: number, everyMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`no end after ${patienceMs} ms`);
    await sleep(everyMs);
  }
}

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const url = `${process.env.SVCCTL_SERVER}${path}`;
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent, headers }, (answer) => {
      text(answer).then((said) => {
        if ((answer.statusCode ?? 0) < 300) resolve(JSON.parse(said || 'null'));
        else reject(new Error(`${method} ${path}: ${said}`));
      }, reject);
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

serveInside({ prepare, runc: runcAlone, start, attach, many }).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
