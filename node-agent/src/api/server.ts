import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { problemText } from '@causeway/shared/agent-client/problem';
import {
  JSON_TYPE,
  PROBLEM_STATUS,
  PROBLEM_TYPE,
  PSK_IDENTITY,
  PSK_TLS,
} from '@causeway/shared/agent-client/protocol';
import { CausewayError, messageOf, show } from '@causeway/shared/errors';
import { type Answer, findRoute, type Route } from './routes.ts';

/** What this part of the agent needs of its log. */
export type ApiLog = Readonly<Record<'debug' | 'warn' | 'error', (fields: object, text: string) => void>>;

export interface ApiServer {
  readonly address: string;
  readonly port: number;
  /** Ends it with all that is under way. */
  close(): Promise<void>;
}

export interface ApiOptions {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Pre-shared key of TLS, hex. Whoever has it may do all that the routes do; others get no answer at all. */
  readonly key: string;
  readonly routes: readonly Route[];
  readonly log: ApiLog;
}

/** Until a caller has proved that it has the key, and until it has said what it wants, milliseconds. */
const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 10_000;
/** What is under way may say why it ends, for so long, milliseconds. */
const LAST_WORDS_MS = 300;
/** More callers at once than controllers and agents have need of. */
const MAX_CONNECTIONS = 4_096;

/**
 * Serves the agent's API by TLS with a pre-shared key.
 *
 * @throws CausewayError `conflict` when another process listens there, `unreachable` when it is no address of this host
 */
export async function serveApi(options: ApiOptions): Promise<ApiServer> {
  const { address, port, log } = options;
  const key = Buffer.from(options.key, 'hex');
  const stopped = new AbortController();
  const server = createServer(
    {
      ...PSK_TLS,
      pskCallback: (_socket, identity) => (identity === PSK_IDENTITY ? key : null),
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
      // An image takes as long as it takes.
      requestTimeout: 0,
      noDelay: true,
      keepAlive: true,
    },
    (request, reply) => void answer(options, stopped.signal, request, reply),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const open = openConnections(server);
  server.on(
    'upgrade',
    (request, socket, head) => void upgrade(options, stopped.signal, request, socket, head),
  );
  server.on('tlsClientError', (error) => log.debug({ reason: messageOf(error) }, 'a caller without the key'));
  server.on('clientError', (_error, socket) => socket.destroy());
  await listen(server, address, port);
  server.on('error', (error) => log.warn({ reason: messageOf(error) }, 'serving the API of this host'));
  return {
    address,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      stopped.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await Promise.race([closed, delay(LAST_WORDS_MS)]);
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  try {
    server.listen(port, address);
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const told = `listening on ${address} port ${port} for controllers and other agents`;
    if (code === 'EADDRINUSE')
      throw new CausewayError('conflict', `${told}: another process listens there`, { cause });
    throw new CausewayError('unreachable', `${told}: ${messageOf(cause)}`, { cause });
  }
}

/** Those that became another protocol's are no longer counted by the server itself. */
function openConnections(server: Server): ReadonlySet<Duplex> {
  const open = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}

async function answer(
  { routes, log }: ApiOptions,
  stopped: AbortSignal,
  request: IncomingMessage,
  reply: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  reply.once('close', () => gone.abort());
  try {
    const { method = '', url = '' } = request;
    const found = isMethod(method) ? findRoute(routes, method, url) : undefined;
    if (found === undefined || found.route.method === 'UPGRADE') throw noSuchRoute(method, url);
    const { route, params, query } = found;
    const signal = AbortSignal.any([gone.signal, stopped]);
    await send(reply, await route.handle({ params, query, request, signal }));
  } catch (error) {
    if (gone.signal.aborted) return;
    if (reply.headersSent) reply.destroy();
    else reply.writeHead(PROBLEM_STATUS, { 'content-type': PROBLEM_TYPE }).end(told(error, log));
  }
}

async function send(reply: ServerResponse, answered: Answer): Promise<void> {
  if ('json' in answered) {
    reply.writeHead(200, { 'content-type': JSON_TYPE }).end(JSON.stringify(answered.json));
    return;
  }
  reply.writeHead(200, { ...answered.headers, 'content-type': answered.type });
  // A stream may have nothing to say for long: that it was begun is said at once.
  reply.flushHeaders();
  await pipeline(answered.stream, reply);
}

async function upgrade(
  { routes, log }: ApiOptions,
  stopped: AbortSignal,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.on('error', () => gone.abort());
  try {
    const { url = '' } = request;
    const found = findRoute(routes, 'UPGRADE', url);
    if (found === undefined || found.route.method !== 'UPGRADE') throw noSuchRoute('UPGRADE', url);
    const { route, params, query } = found;
    const signal = AbortSignal.any([gone.signal, stopped]);
    await route.handle({ params, query, request, signal }, socket, head);
  } catch (error) {
    const text = told(error, log);
    const length = Buffer.byteLength(text);
    const lines = [
      ...[`HTTP/1.1 ${PROBLEM_STATUS} Unprocessable`, `Content-Type: ${PROBLEM_TYPE}`],
      ...[`Content-Length: ${length}`, 'Connection: close', '', text],
    ];
    socket.end(lines.join('\r\n'));
  }
}

function told(error: unknown, log: ApiLog): string {
  if (error instanceof CausewayError) return problemText(error);
  log.error({ err: error }, 'answering a call failed');
  return problemText(new CausewayError('internal', "the host's agent failed; its log says why"));
}

function isMethod(method: string): method is 'GET' | 'POST' | 'PUT' | 'DELETE' {
  return ['GET', 'POST', 'PUT', 'DELETE'].includes(method);
}

function noSuchRoute(method: string, url: string): CausewayError {
  return new CausewayError(
    'not-found',
    `the host's agent has no ${method} ${show(url)}; it may be of another version`,
  );
}
