/** Programs for node that run in test hosts: they say who they are, or ask others. */

/**
 * A server on TCP and UDP that answers with its name and the address that it sees.
 * Arguments: name, port. Prints `ready`.
 */
export const SERVER = `
const [name, port] = process.argv.slice(1);
const told = (address) => name + ' sees ' + address.replace('::ffff:', '');
const tcp = require('net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.write(told(socket.remoteAddress)));
});
const udp = require('dgram').createSocket('udp4');
udp.on('message', (_, from) => udp.send(told(from.address), from.port, from.address));
tcp.listen(port, '0.0.0.0', () => udp.bind(port, '0.0.0.0', () => console.log('ready')));
`;

/**
 * A client that asks n times, each time on a new socket, at most 20 at once.
 * Arguments: protocol, address, port, n. Prints an Answers object as JSON.
 */
export const CLIENT = `
const [protocol, host, port, n] = process.argv.slice(1);
const answers = {};
let slowestMs = 0;
const tcp = () => new Promise((resolve) => {
  const socket = require('net').connect({ host, port: Number(port) });
  socket.setTimeout(1000, () => { resolve('silence'); socket.destroy(); });
  socket.on('connect', () => socket.write('who?'));
  socket.on('data', (data) => { resolve(String(data)); socket.destroy(); });
  socket.on('error', (error) => resolve(error.code));
});
const udp = () => new Promise((resolve) => {
  const socket = require('dgram').createSocket('udp4');
  const end = (answer) => { clearTimeout(timer); resolve(answer); socket.close(); };
  const timer = setTimeout(() => end('silence'), 1000);
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
`;
