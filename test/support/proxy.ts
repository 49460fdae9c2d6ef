import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that breaks connections on demand, to show what a client does then. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Ends every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and passes nothing on any more, as a network that drops every packet. */
  stall(): void;
  /** Passes on again; what was held back by `stall` is passed on too. */
  heal(): void;
  close(): Promise<void>;
}

/** @param target `http://127.0.0.1:PORT` */
export async function startProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let state: 'whole' | 'cut' | 'stalled' = 'whole';

  function adopt(socket: Socket): void {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (state === 'stalled') socket.pause();
  }

  const server = createServer({ allowHalfOpen: false }, (client) => {
    if (state === 'cut') return client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      adopt(from);
      from.on('data', (data) => to.write(data));
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port');

  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    cut: () => {
      state = 'cut';
      dropAll();
    },
    stall: () => {
      state = 'stalled';
      for (const socket of sockets) socket.pause();
    },
    heal: () => {
      state = 'whole';
      for (const socket of sockets) socket.resume();
    },
    close: () => {
      dropAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
