import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { answerUpgrades } from './agents/upgrades.ts';
import type { App } from './deps.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; undefined: none. */
  readonly socket?: string;
}

export interface Listening {
  /** `http://127.0.0.1:7480` */
  readonly url: string;
  /** Ends watches, lets requests that are being answered end, and removes the socket. */
  close(): Promise<void>;
}

/** Owner and group may use the socket. */
const SOCKET_MODE = 0o660;

/**
 * Serves one app on a TCP address and on a unix socket at once.
 *
 * @throws CausewayError `conflict` when another process listens there already
 */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const unix = options.socket === undefined ? undefined : await listenOnSocket(app, options.socket);
  const { host, port } = options;
  let url: string;
  try {
    url = await app.listen({ host, port });
  } catch (error) {
    unix?.close();
    throw failed(`${host}:${port}`, error);
  }
  return {
    url,
    close: async () => {
      const closed = new Promise((resolve) =>
        unix === undefined ? resolve(undefined) : unix.close(resolve),
      );
      await app.close();
      unix?.closeIdleConnections();
      await closed;
    },
  };
}

async function listenOnSocket(app: App, path: string): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true });
  await removeStale(path);
  const server = createServer((request, response) => app.routing(request, response));
  answerUpgrades(server, app);
  // An image takes as long as it takes, as on the TCP address.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(failed(path, error)));
    // The socket is made within this call; nobody else may connect before its mode is set.
    const before = process.umask(0o777 & ~SOCKET_MODE);
    server.listen(path, resolve);
    process.umask(before);
  });
  chmodSync(path, SOCKET_MODE);
  return server;
}

/** Removes a socket that a killed predecessor left; leaves one that answers, and whatever is no socket. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new CausewayError('conflict', `listening on ${path}: it exists and is no socket`);
  if (await answers(path)) {
    throw new CausewayError('conflict', `listening on ${path}: another controller answers there`);
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const end = (result: boolean) => {
      probe.destroy();
      resolve(result);
    };
    probe.once('connect', () => end(true));
    probe.once('error', () => end(false));
  });
}

function failed(where: string, error: unknown): CausewayError {
  const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const reason = inUse ? 'another process listens there' : messageOf(error);
  return new CausewayError(inUse ? 'conflict' : 'internal', `listening on ${where}: ${reason}`, {
    cause: error,
  });
}
