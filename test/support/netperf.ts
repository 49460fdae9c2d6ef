import { once } from 'node:events';
import type { Lab } from '@causeway/lab/lab';
import { viewOf } from './seeds.ts';

/** netperf's measurements: streams one way, and requests that are answered, over one connection or one each. */
export const MEASUREMENTS = ['TCP_STREAM', 'UDP_STREAM', 'TCP_RR', 'TCP_CRR', 'UDP_RR'] as const;
export type Measurement = (typeof MEASUREMENTS)[number];

/** What one side counted and what the other, bytes of streams, or requests and answers. */
export interface Measured {
  readonly sent: number;
  readonly received: number;
}

export const MEASURED_PORT = 12865;

/** Starts the answering side (netserver) in the network of a container; it ends with the lab. */
export async function startServer(lab: Lab, name: string): Promise<void> {
  const server = lab.spawn(await hostOf(lab, name), await inNetwork(lab, name, SERVER, []));
  await once(server.stdout, 'data');
}

/** Measures once from the network of a container (netperf -H ADDRESS -t MEASUREMENT). */
export async function measure(
  lab: Lab,
  name: string,
  address: string,
  measurement: Measurement,
): Promise<Measured> {
  const argv = await inNetwork(lab, name, CLIENT, [address, measurement]);
  const { stdout, stderr } = await lab.exec(await hostOf(lab, name), argv);
  if (stdout === '') throw new Error(`${measurement} from ${name} to ${address}: ${stderr}`);
  return JSON.parse(stdout) as Measured;
}

async function hostOf(lab: Lab, name: string): Promise<string> {
  return (await viewOf(lab, name)).host;
}

async function inNetwork(lab: Lab, name: string, program: string, args: readonly string[]) {
  const { status } = await viewOf(lab, name);
  const node = [process.execPath, '-e', program, String(MEASURED_PORT), ...args];
  return ['nsenter', '-t', `${status?.pid}`, '-n', ...node];
}

/** A stream begins with `S` and is answered with its length; a request is anything else, and is answered with itself. */
const SERVER = `
const port = Number(process.argv[1]);
const tcp = require('net').createServer({ allowHalfOpen: true }, (socket) => {
  let streamed = 0;
  socket.on('error', () => {});
  socket.on('data', (data) => {
    if (streamed > 0 || data[0] === 83) streamed += data.length;
    else socket.write(data);
  });
  socket.on('end', () => socket.end(streamed > 0 ? String(streamed) : ''));
});
const udp = require('dgram').createSocket('udp4');
let streamed = 0;
udp.on('message', (data, from) => {
  if (data[0] === 83) streamed += data.length;
  else if (data[0] === 63) udp.send(String(streamed), from.port, from.address, () => { streamed = 0; });
  else udp.send(data, from.port, from.address);
});
tcp.listen(port, () => udp.bind(port, () => console.log('ready')));
`;

/** Arguments: port, address, measurement. Prints a Measured as JSON. */
const CLIENT = `
const [port, host, measurement] = process.argv.slice(1);
const { once } = require('events');
const TIMES = 200;
// As many as a socket's own buffer holds while nobody reads: one more might be lost, as is UDP's right.
const DATAGRAMS = 40;
const connect = async () => {
  const socket = require('net').connect({ host, port: Number(port), allowHalfOpen: true });
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
};
const word = async (socket) => String((await once(socket, 'data'))[0]);
const datagrams = async () => {
  const socket = require('dgram').createSocket('udp4');
  socket.connect(Number(port), host);
  await once(socket, 'connect');
  return { send: (data) => new Promise((done) => socket.send(data, done)), heard: async () => String((await once(socket, 'message'))[0]), close: () => socket.close() };
};
const perform = {
  TCP_STREAM: async () => {
    const socket = await connect();
    const chunk = Buffer.alloc(64 << 10, 'S');
    for (let i = 0; i < TIMES; i++) if (!socket.write(chunk)) await once(socket, 'drain');
    socket.end();
    return { sent: TIMES * chunk.length, received: Number(await word(socket)) };
  },
  UDP_STREAM: async () => {
    const socket = await datagrams();
    const chunk = Buffer.alloc(1400, 'S');
    for (let i = 0; i < DATAGRAMS; i++) await socket.send(chunk);
    await socket.send('?');
    const received = Number(await socket.heard());
    socket.close();
    return { sent: DATAGRAMS * chunk.length, received };
  },
  TCP_RR: async () => {
    const socket = await connect();
    let received = 0;
    for (let i = 0; i < TIMES; i++) {
      socket.write('r' + i);
      if ((await word(socket)) === 'r' + i) received++;
    }
    socket.destroy();
    return { sent: TIMES, received };
  },
  TCP_CRR: async () => {
    let received = 0;
    for (let i = 0; i < TIMES; i++) {
      const socket = await connect();
      socket.write('r' + i);
      if ((await word(socket)) === 'r' + i) received++;
      socket.destroy();
    }
    return { sent: TIMES, received };
  },
  UDP_RR: async () => {
    const socket = await datagrams();
    let received = 0;
    for (let i = 0; i < TIMES; i++) {
      const heard = socket.heard();
      await socket.send('r' + i);
      if ((await heard) === 'r' + i) received++;
    }
    socket.close();
    return { sent: TIMES, received };
  },
};
perform[measurement]().then((measured) => console.log(JSON.stringify(measured)));
`;
