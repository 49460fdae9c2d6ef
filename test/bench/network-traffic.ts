import { createInterface } from 'node:readline';
import { createLab, type Lab } from '@causeway/lab/lab';
import { CausewayError } from '@causeway/shared/errors';
import { run } from '@causeway/shared/programs/run';
import { median, type Row, rowOf } from './row.ts';

/** Two network namespaces on two hosts that reach each other, and how to run something in them. */
interface World {
  readonly lab: Lab;
  /** Name of the namespace on each of the two hosts. */
  readonly netns: readonly [string, string];
  /** Address of the second one. */
  readonly address: string;
}

/** Measurements of each world, in turns, so that whatever else the machine does meets both. */
const ROUNDS = 20;
/** Seconds of each measurement. */
const SECONDS = 1;
const IPERF_PORT = 5201;
const ECHO_PORT = 5202;

/**
 * Traffic between containers of two hosts, with all that an agent makes, beside namespaces that are joined by hand.
 *
 * @throws CausewayError `not-found` without iperf3
 */
export async function benchTraffic(): Promise<Row[]> {
  await run('iperf3', ['--version']).catch((cause: unknown) => {
    throw new CausewayError('not-found', 'looking for iperf3: it is missing; sh deploy/packages.sh --tests', {
      cause,
    });
  });
  const labs: Lab[] = [];
  try {
    const up = async (options: Parameters<typeof createLab>[0]) => {
      const lab = await createLab({ hosts: 2, ...options });
      labs.push(lab);
      return lab;
    };
    const worlds = [
      await causeway(await up({ name: 'bench' })),
      await byHand(await up({ name: 'by-hand', bare: true })),
    ];
    return [
      await compare('TCP, one stream', 'Gbit/s', worlds, throughput),
      await compare('TCP, request and response', '1/s', worlds, exchanges),
    ];
  } finally {
    for (const lab of labs) await lab.down();
  }
}

async function compare(
  what: string,
  unit: string,
  worlds: readonly World[],
  measure: (world: World) => Promise<number>,
): Promise<Row> {
  const found: number[][] = worlds.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    // Now the one first, now the other, or whatever changes over time would favour one of them.
    for (const [i, world] of round % 2 === 0 ? [...worlds.entries()] : [...worlds.entries()].reverse()) {
      const value = await measure(world);
      // The first round only warms up.
      if (round > 0) found[i]?.push(value);
    }
  }
  const [value = 0, reference = 0] = found.map(median);
  return rowOf(
    `containers of two hosts: ${what} (reference: joined by hand)`,
    unit,
    value,
    reference,
    '>= 0.97 x',
  );
}

async function causeway(lab: Lab): Promise<World> {
  const containers = await lab.containers();
  const address = containers.find(({ name }) => name === 'web-2')?.address ?? '';
  return { lab, netns: ['cwy-web-1', 'cwy-web-2'], address };
}

/** The same as a person would do it: a bridge on each host, a link into a namespace, and a route to the other host. */
async function byHand(lab: Lab): Promise<World> {
  const host = (own: number, peer: number) => `set -e
    sysctl -qw net.ipv4.ip_forward=1
    ip link add name br0 type bridge
    ip address add 10.20.${own}.1/24 dev br0
    ip link set br0 up
    ip netns add box
    ip link add name port0 type veth peer name eth0 netns box
    ip link set port0 master br0 up
    ip -n box link set lo up
    ip -n box address add 10.20.${own}.2/24 dev eth0
    ip -n box link set eth0 up
    ip -n box route add default via 10.20.${own}.1
    ip route add 10.20.${peer}.0/24 via ${lab.addressOf(`host-${peer}`)}`;
  await must(lab, 'host-1', ['sh', '-c', host(1, 2)]);
  await must(lab, 'host-2', ['sh', '-c', host(2, 1)]);
  return { lab, netns: ['box', 'box'], address: '10.20.2.2' };
}

/**
 * Does something while a server runs in the second namespace. One of its own each time: where in the machine's memory
 * and caches a process happens to lie makes a difference of some percent for as long as it lives.
 */
async function whileServing<T>(
  { lab, netns }: World,
  server: readonly string[],
  action: () => Promise<T>,
): Promise<T> {
  const child = lab.spawn('host-2', ['ip', 'netns', 'exec', netns[1], ...server]);
  try {
    await firstLine(child.stdout);
    return await action();
  } finally {
    // A server ends with its only client; this is for one that had none.
    child.kill('SIGKILL');
  }
}

/** Gbit/s that arrive. */
function throughput(world: World): Promise<number> {
  const { lab, netns, address } = world;
  // It serves one client, and ends.
  const server = ['iperf3', '-s', '-1', '-p', String(IPERF_PORT), '--forceflush'];
  const client = ['iperf3', '-c', address, '-p', String(IPERF_PORT), '-t', String(SECONDS), '-J'];
  return whileServing(world, server, async () => {
    const told = await must(lab, 'host-1', ['ip', 'netns', 'exec', netns[0], ...client]);
    const { end } = JSON.parse(told) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 1e9;
  });
}

/** Answers per second on one connection, each asked for when the one before has come. */
function exchanges(world: World): Promise<number> {
  const { lab, netns, address } = world;
  const server = [process.execPath, '-e', ECHO, String(ECHO_PORT)];
  const client = [process.execPath, '-e', ASK, address, String(ECHO_PORT), String(SECONDS * 1_000)];
  return whileServing(world, server, async () =>
    Number(await must(lab, 'host-1', ['ip', 'netns', 'exec', netns[0], ...client])),
  );
}

async function must(lab: Lab, host: string, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.exec(host, argv);
  if (exitCode !== 0)
    throw new CausewayError('command-failed', `running ${argv.join(' ')} on ${host}: ${stderr || stdout}`);
  return stdout;
}

async function firstLine(stdout: NodeJS.ReadableStream): Promise<void> {
  const lines = createInterface({ input: stdout });
  await new Promise((resolve) => lines.once('line', resolve));
  lines.close();
  stdout.resume();
}

const ECHO = `
require('net').createServer((socket) => {
  socket.setNoDelay();
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(data));
  // One client, and it ends: the next one has a server of its own.
  socket.on('close', () => process.exit());
}).listen(process.argv[1], () => console.log('ready'));
`;

const ASK = `
const [host, port, ms] = process.argv.slice(1);
const socket = require('net').connect({ host, port: Number(port), noDelay: true });
let count = 0;
let started;
socket.on('connect', () => { started = process.hrtime.bigint(); socket.write('x'); });
socket.on('data', () => {
  count++;
  const ns = process.hrtime.bigint() - started;
  if (ns < BigInt(ms) * 1000000n) return socket.write('x');
  console.log(count / (Number(ns) / 1e9));
  socket.destroy();
});
`;
