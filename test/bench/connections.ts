import { run } from '@causeway/shared/programs/run';
import { start } from '@causeway/shared/programs/start';

/** To the endpoint itself, or to the address of its service. */
export type Path = 'vip' | 'direct';
export const PATHS: readonly Path[] = ['vip', 'direct'];

/** A host's bridge with two containers, and one behind a route as on another host, in the namespace where this runs. */
export const CONTAINERS = `
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ip link set lo up
ip link add cwy0 type bridge
ip address add 10.10.1.1/24 dev cwy0
ip link set cwy0 up
for i in 2 3; do
  ip netns add c$i
  ip link add c$i type veth peer name eth0 netns c$i
  ip link set c$i master cwy0 up
  ip -n c$i address add 10.10.1.$i/24 dev eth0
  ip -n c$i link set eth0 up
  ip -n c$i link set lo up
  ip -n c$i route add default via 10.10.1.1
done
ip netns add c4
ip link add far type veth peer name eth0 netns c4
ip address add 10.10.4.1/24 dev far
ip link set far up
ip -n c4 address add 10.10.4.2/24 dev eth0
ip -n c4 link set eth0 up
ip -n c4 route add default via 10.10.4.1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
`;

/** A container that serves. */
export interface Server {
  readonly netns: string;
  readonly address: string;
}
/** On the client's bridge: past a VIP what is sent there is not even routed. */
export const BESIDE: Server = { netns: 'c3', address: '10.10.1.3' };
/** As on another host. */
export const BEYOND: Server = { netns: 'c4', address: '10.10.4.2' };
const SERVER_PORT = 12345;
const OTHER_PORT = 12346;

/** A service with one endpoint. */
export interface Frontend {
  readonly vip: string;
  readonly port: number;
  readonly server: Server;
}

/** Connections of one measurement, one after the other, and measurements in turns. */
const CONNECTIONS = 400;
const TURNS = 3;
/** Streams by each path, and seconds of each. */
const STREAMS = 8;
const SECONDS = 1;

/** @returns microseconds that a connection takes to be set up, by path */
export async function measureConnections(frontend: Frontend): Promise<Record<Path, number[]>> {
  const us: Record<Path, number[]> = { vip: [], direct: [] };
  await serving(frontend.server, ['node', '-e', ACCEPT, SERVER_PORT], async () => {
    for (let turn = 0; turn < TURNS; turn++)
      for (const path of PATHS) us[path].push(await setUp(targetOf(path, frontend)));
  });
  return us;
}

/** @returns microseconds that a connection to the server itself takes to be set up, once per turn */
export async function measureDirect(server: Server): Promise<number[]> {
  const us: number[] = [];
  await serving(server, ['node', '-e', ACCEPT, SERVER_PORT], async () => {
    for (let turn = 0; turn < TURNS; turn++) us.push(await setUp([server.address, SERVER_PORT]));
  });
  return us;
}

/** Whether a connection to another port of the server, where somebody listens too, is set up. */
export async function reachesOther(server: Server): Promise<boolean> {
  return serving(server, ['node', '-e', ACCEPT, OTHER_PORT], async () => {
    const argv = inside('c2', ['node', '-e', TRY, server.address, OTHER_PORT]);
    return (await run('ip', argv)).stdout.trim() === 'connected';
  });
}

/**
 * @returns Gbit/s of single streams by path. Each has a server of its own: where in the machine's memory and caches a
 * process happens to lie makes a difference of some percent for as long as it lives.
 */
export async function measureStreams(frontend: Frontend): Promise<Record<Path, number[]>> {
  const gbits: Record<Path, number[]> = { vip: [], direct: [] };
  for (let round = 0; round <= STREAMS; round++)
    // Now the one first, now the other, or whatever changes over time would favour one of them.
    for (const path of round % 2 === 0 ? PATHS : PATHS.toReversed()) {
      // It serves one client, and ends.
      const program = ['iperf3', '-s', '-1', '-p', SERVER_PORT, '--forceflush'];
      const value = await serving(frontend.server, program, () => stream(targetOf(path, frontend)));
      // The first round only warms up.
      if (round > 0) gbits[path].push(value);
    }
  return gbits;
}

function targetOf(path: Path, { vip, port, server }: Frontend): [string, number] {
  return path === 'vip' ? [vip, port] : [server.address, SERVER_PORT];
}

const inside = (name: string, argv: readonly (string | number)[]) => [
  'netns',
  'exec',
  name,
  ...argv.map((word) => (word === 'node' ? process.execPath : String(word))),
];

/** Keeps a program in a container while something is done; its first line says that it listens. */
async function serving<T>(
  { netns }: Server,
  argv: readonly (string | number)[],
  action: () => Promise<T>,
): Promise<T> {
  let listening: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    listening = resolve;
  });
  const server = start('ip', inside(netns, argv), { dieWithParent: true, onLine: () => listening() });
  await Promise.race([ready, server.exited.then(() => Promise.reject(new Error(`${argv[0]} ended`)))]);
  try {
    return await action();
  } finally {
    server.kill('SIGKILL');
    await server.exited;
  }
}

async function setUp([address, port]: [string, number]): Promise<number> {
  const { stdout } = await run('ip', inside('c2', ['node', '-e', CONNECT, address, port, CONNECTIONS]));
  return Number(stdout);
}

async function stream([address, port]: [string, number]): Promise<number> {
  const { stdout } = await run(
    'ip',
    inside('c2', ['iperf3', '-c', address, '-p', port, '-t', SECONDS, '-J']),
  );
  const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e9;
}

const ACCEPT = `
require('net').createServer((socket) => socket.on('error', () => {}).on('data', () => {}))
  .listen(Number(process.argv[1]), () => console.log('ready'));
`;

/** Arguments: address, port. Prints \`connected\`, or \`silence\` after a second. */
const TRY = `
const [host, port] = process.argv.slice(1);
const socket = require('net').connect({ host, port: Number(port) });
const end = (word) => { console.log(word); process.exit(); };
socket.on('connect', () => end('connected')).on('error', () => end('error'));
setTimeout(end, 1_000, 'silence');
`;

/** Arguments: address, port, n. Prints the middle one of n times from \`connect\` to \`connected\`, microseconds. */
const CONNECT = `
const [host, port, n] = process.argv.slice(1);
const took = [];
const one = () => new Promise((resolve, reject) => {
  const started = process.hrtime.bigint();
  const socket = require('net').connect({ host, port: Number(port) });
  socket.on('error', reject);
  socket.on('connect', () => {
    took.push(Number(process.hrtime.bigint() - started) / 1000);
    socket.destroy();
    socket.on('close', resolve);
  });
});
(async () => {
  for (let i = 0; i < Number(n); i++) await one();
  console.log(took.sort((a, b) => a - b)[took.length >> 1]);
})();
`;
