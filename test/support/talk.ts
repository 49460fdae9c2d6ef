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
 * A client that stays, does whatever its lines of JSON say, and prints for each its id and what came of it
 * (`talker.ts` has the other end): asks n times, each time on a new socket, at most 20 at once; keeps a connection, or
 * one socket of UDP; asks on what is kept; gives it up. After `patienceMs` no answer is `silence`.
 */
export const TALKER = `
const tcp = ({ host, port, patienceMs }) => new Promise((resolve) => {
  const socket = require('net').connect({ host, port });
  socket.setTimeout(patienceMs, () => { resolve('silence'); socket.destroy(); });
  socket.on('connect', () => socket.write('who?'));
  socket.on('data', (data) => { resolve(String(data)); socket.destroy(); });
  socket.on('error', (error) => resolve(error.code));
  socket.on('close', () => resolve('closed'));
});
const udp = ({ host, port, patienceMs }) => new Promise((resolve) => {
  const socket = require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const end = (answer) => { clearTimeout(timer); resolve(answer); socket.close(); };
  const timer = setTimeout(() => end('silence'), patienceMs);
  socket.on('error', (error) => end(error.code));
  socket.on('message', (data) => end(String(data)));
  socket.connect(port, host, (error) => (error ? undefined : socket.send('who?')));
});
const ask = async ({ n, ...target }) => {
  const answers = {};
  let slowestMs = 0;
  const once = async () => {
    const start = Date.now();
    const answer = await (target.protocol === 'udp' ? udp : tcp)(target);
    answers[answer] = (answers[answer] ?? 0) + 1;
    slowestMs = Math.max(slowestMs, Date.now() - start);
  };
  for (let left = n; left > 0; left -= 20) await Promise.all(Array.from({ length: Math.min(left, 20) }, once));
  return { answers, slowestMs };
};
const keep = ({ protocol, host, port }) => {
  let hear = () => {};
  let gone = '';
  const say = (socket, word) => (protocol === 'udp' ? socket.send(word) : socket.write(word));
  const socket = protocol === 'udp'
    ? require('dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4')
    : require('net').connect({ host, port });
  const end = (how) => { gone ||= how; hear(gone); };
  const opened = new Promise((resolve) => {
    socket.on(protocol === 'udp' ? 'message' : 'data', (data) => hear(String(data)));
    // A socket of UDP is none the worse for an error, and a connection is over.
    socket.on('error', (error) => (protocol === 'udp' ? hear(error.code) : end(error.code)));
    socket.on('close', () => { end('closed'); resolve(); });
    socket.on('connect', resolve);
  });
  if (protocol === 'udp') socket.connect(port, host);
  return {
    askOn: async (patienceMs) => {
      const answered = new Promise((resolve) => {
        const timer = setTimeout(() => resolve('silence'), patienceMs);
        hear = (answer) => { clearTimeout(timer); resolve(answer); };
      });
      await opened;
      if (!gone) say(socket, 'who?');
      return gone || answered;
    },
    giveUp: (how) => (protocol === 'udp' ? socket.close() : how === 'reset' ? socket.resetAndDestroy() : socket.destroy()),
  };
};
const kept = new Map();
const calls = {
  ask,
  keep: ({ key, ...target }) => void kept.set(key, keep(target)),
  askOn: ({ key, patienceMs }) => kept.get(key).askOn(patienceMs),
  giveUp: ({ key, how }) => { kept.get(key).giveUp(how); kept.delete(key); },
};
require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, call, ...rest } = JSON.parse(line);
    console.log(JSON.stringify({ id, answer: await calls[call](rest) }));
  })
  .on('close', () => process.exit());
`;

export interface Answers {
  /** How often each answer came: what a server said, an error's code, or \`silence\`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

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
