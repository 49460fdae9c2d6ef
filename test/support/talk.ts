/** Programs for node that run in test hosts: they say who they are, or ask others. */

/**
 * A server on TCP and UDP, in both families, that answers with its name and the address that it sees; asked
 * `which port?` by TCP, with the port.
 * Arguments: name, port. Prints `ready`.
 */
export const SERVER = `
const [name, port] = process.argv.slice(1);
const told = (address) => name + ' sees ' + address.replace('::ffff:', '');
const tcp = require('net').createServer((socket) => {
  socket.on('error', () => {});
  const answer = (asked) => (asked === 'which port?' ? String(socket.remotePort) : told(socket.remoteAddress));
  socket.on('data', (data) => socket.write(answer(String(data))));
});
const udp = require('dgram').createSocket('udp6');
udp.on('message', (_, from) => udp.send(told(from.address), from.port, from.address));
tcp.listen(port, '::', () => udp.bind(port, '::', () => console.log('ready')));
`;

/**
 * A client that asks n times, each time on a new socket, at most 20 at once.
 * Arguments: protocol, address, port, n, and after how many milliseconds no answer is \`silence\`. Prints an Answers
 * object as JSON.
 */
export const CLIENT = `
const [protocol, host, port, n, patienceMs] = process.argv.slice(1);
const answers = {};
let slowestMs = 0;
const tcp = () => new Promise((resolve) => {
  const socket = require('net').connect({ host, port: Number(port) });
  socket.setTimeout(Number(patienceMs), () => { resolve('silence'); socket.destroy(); });
  socket.on('connect', () => socket.write('who?'));
  socket.on('data', (data) => { resolve(String(data)); socket.destroy(); });
  socket.on('error', (error) => resolve(error.code));
});
const udp = () => new Promise((resolve) => {
  const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (answer) => { clearTimeout(timer); resolve(answer); socket.close(); };
  const timer = setTimeout(() => end('silence'), Number(patienceMs));
  socket.on('error', (error) => end(error.code));
  socket.on('message', (data) => end(String(data)));
  socket.connect(Number(port), host, (error) => (error ? undefined : socket.send('who?')));
});
const ask = async () => {
  const start = Date.now();
  const answer = await (protocol === 'udp' ? udp() : tcp());
  answers[answer] = (answers[answer] ?? 0) + 1;
  slowestMs = Math.max(slowestMs, Date.now() - start);
};
(async () => {
  for (let left = Number(n); left > 0; left -= 20)
    await Promise.all(Array.from({ length: Math.min(left, 20) }, ask));
  console.log(JSON.stringify({ answers, slowestMs }));
})();
`;

export interface Answers {
  /** How often each answer came: what a server said, an error's code, or \`silence\`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

/**
 * A client that opens one connection, prints the first answer, and asks again on the same connection whenever a
 * line arrives in the fifo \`<path>.ask\`; the answer goes to \`<path>.answer\`.
 * Arguments: address, port, path.
 */
export const LONG_CLIENT = `
const [host, port, path] = process.argv.slice(1);
const fs = require('fs');
const socket = require('net').connect({ host, port: Number(port) });
let reply = (answer) => console.log(answer);
socket.on('connect', () => socket.write('who?'));
socket.on('data', (data) => reply(String(data)));
socket.on('error', (error) => reply(error.code));
const next = () => fs.readFile(path + '.ask', () => {
  reply = (answer) => fs.writeFile(path + '.answer', answer, next);
  socket.write('who?');
});
next();
fs.readFile(path + '.reset', () => socket.resetAndDestroy());
`;

/**
 * Asks by TCP once from each of the asker's own addresses. Arguments: address, port, own addresses. Prints the answers
 * by address as JSON.
 */
export const ADDRESSES_CLIENT = `
const [host, port, ...own] = process.argv.slice(1);
const ask = (localAddress) => new Promise((resolve) => {
  const socket = require('net').connect({ host, port: Number(port), localAddress });
  const end = (answer) => { resolve([localAddress, answer]); socket.destroy(); };
  socket.setTimeout(10_000, () => end('silence'));
  socket.on('connect', () => socket.write('who?'));
  socket.on('data', (data) => end(String(data)));
  socket.on('error', (error) => end(error.code));
});
Promise.all(own.map(ask)).then((answers) => console.log(JSON.stringify(Object.fromEntries(answers))));
`;

/** Asks a server which port it sees, from a port of the asker's choice. Arguments: address, port, own port. */
export const PORT_CLIENT = `
const [host, port, localPort] = process.argv.slice(1);
const socket = require('net').connect({ host, port: Number(port), localPort: Number(localPort) });
socket.on('connect', () => socket.write('which port?'));
socket.on('data', (data) => { console.log(String(data)); socket.destroy(); });
`;

/**
 * Listens to a group on \`eth0\` and writes the address that it hears first into a fifo. Arguments: group, port, fifo.
 * Prints \`ready\`.
 */
export const GROUP_LISTENER = `
const [group, port, fifo] = process.argv.slice(1);
const is6 = group.includes(':');
const socket = require('dgram').createSocket(is6 ? 'udp6' : 'udp4');
socket.once('message', (_, from) => {
  require('fs').writeFileSync(fifo, from.address);
  socket.close();
});
socket.bind(Number(port), () => {
  if (is6) socket.addMembership(group, '::%eth0');
  else socket.addMembership(group);
  console.log('ready');
});
`;

/** Sends one word to a group by way of \`eth0\`. Arguments: group, port. */
export const GROUP_SENDER = `
const [group, port] = process.argv.slice(1);
const is6 = group.includes(':');
const socket = require('dgram').createSocket(is6 ? 'udp6' : 'udp4');
socket.bind(() => {
  if (is6) socket.setMulticastInterface('::%eth0');
  socket.send('all of you', Number(port), group, () => socket.close());
});
`;

/**
 * A client that keeps one connection, or one socket of UDP, and asks on it for every line that it reads, which says after
 * how many milliseconds no answer is \`silence\`; it prints each answer as a line. Arguments: protocol, address, port.
 */
export const HOLD_CLIENT = `
const [protocol, host, port] = process.argv.slice(1);
let hear = () => {};
let gone = '';
const opened = new Promise((resolve) => {
  if (protocol === 'udp') {
    const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', (error) => hear(error.code));
    socket.on('message', (data) => hear(String(data)));
    socket.connect(Number(port), host, () => resolve(() => socket.send('who?')));
    return;
  }
  const socket = require('net').connect({ host, port: Number(port) }, () => resolve(() => socket.write('who?')));
  const end = (how) => { gone ||= how; hear(gone); resolve(() => {}); };
  socket.on('error', (error) => end(error.code));
  socket.on('close', () => end('closed'));
  socket.on('data', (data) => hear(String(data)));
});
const ask = async (patienceMs) => {
  const answered = new Promise((resolve) => {
    const timer = setTimeout(() => resolve('silence'), patienceMs);
    hear = (answer) => { clearTimeout(timer); resolve(answer); };
  });
  (await opened)();
  return gone || answered;
};
(async () => {
  for await (const line of require('readline').createInterface({ input: process.stdin }))
    console.log(await ask(Number(line)));
})();
`;
