import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import type { App } from '../deps.ts';
import { withStatus } from '../problem.ts';

/** A client's connection that is to become one of another protocol, and what it has sent already. */
export interface UpgradeConnection {
  readonly socket: Duplex;
  readonly head: Buffer;
}

const connections = new WeakMap<IncomingMessage, UpgradeConnection>();
const UPGRADE_REQUIRED = 426;
const FORBIDDEN = 403;

/**
 * Lets the routes answer requests for an upgrade like all others: what is refused is answered as ever, and a route that
 * takes it has the connection from `takeConnection`.
 */
export function answerUpgrades(server: Server, app: App): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    // node:http hands out its own connections, which are sockets.
    const own = socket as Parameters<ServerResponse['assignSocket']>[0];
    try {
      response.assignSocket(own);
    } catch {
      // The answer to what was asked before on this connection is still to come: no client asks so.
      return void socket.destroy();
    }
    if (!isWebSocket(request)) {
      response.detachSocket(own);
      return answerPlainly(server, request, socket, head);
    }
    connections.set(request, { socket, head });
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.end());
    app.routing(request, response);
  });
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Some clients offer HTTP/2 with whatever they ask, with a body too, which node:http does not read behind an `Upgrade`:
 * the request is read once more, without the offer.
 */
function answerPlainly(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), head]));
  server.emit('connection', socket);
}

/** @throws CausewayError when the client asks for no WebSocket, or is a page in somebody's browser */
export function checkUpgrade(request: IncomingMessage): void {
  const { headers } = request;
  if (!isWebSocket(request))
    throw withStatus(
      UPGRADE_REQUIRED,
      new CausewayError('invalid', 'this is asked for as a WebSocket; `svcctl exec` does so'),
    );
  // A browser lets any page open a WebSocket to anywhere, and always says which page it is.
  if (headers.origin !== undefined)
    throw withStatus(FORBIDDEN, new CausewayError('invalid', 'pages in browsers may run no commands'));
}

/** The connection is the caller's from here on; nothing else is answered on it. */
export function takeConnection(request: IncomingMessage, response: ServerResponse): UpgradeConnection {
  const connection = connections.get(request);
  if (connection === undefined)
    throw new CausewayError('internal', 'the connection of an upgrade is not there');
  response.detachSocket(connection.socket as Parameters<ServerResponse['detachSocket']>[0]);
  return connection;
}
