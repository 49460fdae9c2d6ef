import { createInterface } from 'node:readline';
import type { Lab } from '@causeway/lab/lab';
import { TALKER_COMMAND, talkerOf } from './talker.ts';

/** One connection, or one datagram, and what came of it. */
export interface Asked {
  /** `tcp ADDRESS PORT` */
  readonly target: string;
  /** When it began and ended, milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** What the server said: `web-1 20001`; or an error's code, or `silence`. */
  readonly answer: string;
}

export interface Asker {
  /** Asks once, on a new socket. */
  ask(target: string): Promise<Asked>;
  close(): void;
}

/** @param netns from inside this namespace of the machine: `cwy-web-1` */
export function startAsker(lab: Lab, member: string, netns?: string): Asker {
  const enter = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const child = lab.spawn(member, [...enter, process.execPath, '-e', PROGRAM]);
  const waiting = new Map<number, (asked: Asked) => void>();
  let last = 0;
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk) => process.stderr.write(chunk));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, ...asked } = JSON.parse(line) as Asked & { readonly id: number };
    const tell = waiting.get(id);
    waiting.delete(id);
    tell?.(asked);
  });
  return {
    ask: (target) =>
      new Promise((resolve) => {
        last += 1;
        waiting.set(last, resolve);
        child.stdin.write(`${last} ${target}\n`);
      }),
    close: () => {
      child.kill();
    },
  };
}

/** Patience outlasts two lost packets of TCP, which are sent again after 1 s and 3 s. */
const PROGRAM = `
const tcp = (host, port) => new Promise((resolve) => {
  const socket = require('net').connect({ host, port });
  const end = (answer) => { resolve(answer); socket.destroy(); };
  socket.setTimeout(4000, () => end('silence'));
  socket.on('connect', () => socket.write('who?'));
  socket.on('data', (data) => end(String(data)));
  socket.on('error', (error) => end(error.code));
});
const udp = (host, port) => new Promise((resolve) => {
  const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (answer) => { clearTimeout(timer); resolve(answer); socket.close(); };
  const timer = setTimeout(() => end('silence'), 3000);
  socket.on('error', (error) => end(error.code));
  socket.on('message', (data) => end(String(data)));
  socket.connect(port, host, (error) => (error ? undefined : socket.send('who?')));
});
require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const [id, protocol, host, port] = line.split(' ');
  const from = Date.now();
  const answer = await (protocol === 'udp' ? udp : tcp)(host, Number(port));
  const target = [protocol, host, port].join(' ');
  console.log(JSON.stringify({ id: Number(id), target, from, to: Date.now(), answer }));
});
`;

/** A server on many ports at once, on TCP and UDP, that says its name and the port. Arguments: name, first, count. */
export const MANY_SERVER = `
const [name, first, count] = process.argv.slice(1);
const listening = [];
for (let port = Number(first); port < Number(first) + Number(count); port++) {
  const said = name + ' ' + port;
  const tcp = require('net').createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(said));
  });
  const udp = require('dgram').createSocket('udp6');
  udp.on('message', (_, from) => udp.send(said, from.port, from.address));
  listening.push(new Promise((resolve) => tcp.listen(port, '::', 1024, resolve)));
  listening.push(new Promise((resolve) => udp.bind(port, '::', resolve)));
}
Promise.all(listening).then(() => console.log('ready'));
`;

/** Starts what stays as long as the lab, and waits for its first line. */
export async function startServer(lab: Lab, member: string, argv: readonly string[]): Promise<void> {
  const child = lab.spawn(member, argv);
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error(`a server on ${member} has ended: ${complaint}`)));
  });
}

/** No answer on a connection that stands is a fault, on a busy machine too. */
const KEPT_PATIENCE_MS = 20_000;

/** A connection that is kept. */
export interface Kept {
  /** Asks on it: what the server says, `closed` or an error's code. */
  ask(): Promise<string>;
  close(): void;
}

/** @param target `tcp ADDRESS PORT` @param netns as of `startAsker` */
export function keepConnection(lab: Lab, member: string, target: string, netns?: string): Kept {
  const enter = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const talker = talkerOf(lab.spawn(member, [...enter, ...TALKER_COMMAND]));
  const kept = talker.keep(target);
  return { ask: () => kept.ask(KEPT_PATIENCE_MS), close: talker.close };
}
