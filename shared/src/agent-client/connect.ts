import { isIPv6 } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { CausewayError } from '../errors.ts';
import type { AgentAddress } from '../model/agent-api.ts';
import { PSK_IDENTITY, PSK_TLS } from './protocol.ts';

/** Until a connection stands and both sides have proved that they have the key, milliseconds. */
const CONNECT_MS = 5_000;
/** So long after the last byte the kernel begins to ask whether the other end is still there, milliseconds. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Opens a connection to an agent; nothing has been sent on it.
 *
 * @throws CausewayError `unreachable`, naming host and address, also when the agent has another key
 */
export function connectAgent(agent: AgentAddress, signal?: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...PSK_TLS,
      host: agent.address,
      port: agent.port,
      pskCallback: () => ({ psk: Buffer.from(agent.key, 'hex'), identity: PSK_IDENTITY }),
      // There is no certificate: that the handshake came to its end proves who it is.
      checkServerIdentity: () => undefined,
    });
    const end = (reason?: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (reason === undefined) return;
      socket.destroy();
      reject(unreachable(agent, reason));
    };
    const abort = () => end('nobody waits for it any more');
    const timer = setTimeout(() => end(`no answer within ${CONNECT_MS / 1_000} s`), CONNECT_MS);
    signal?.addEventListener('abort', abort);
    // Stays: a socket without a listener would end the process with its next error.
    socket.on('error', (error) => end(reasonOf(error)));
    socket.once('close', () => end('the connection was closed'));
    socket.once('secureConnect', () => {
      end();
      socket.removeAllListeners('close');
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
    if (signal?.aborted) abort();
  });
}

/** The error of a host whose agent does not answer. */
export function unreachable(agent: AgentAddress, reason: string): CausewayError {
  return new CausewayError('unreachable', `asking the agent of ${placeOf(agent)}: ${reason}`);
}

/** `host-1 at 192.168.122.11:7482` */
export function placeOf({ node, address, port }: AgentAddress): string {
  return `${node} at ${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: no agent listens there',
  ECONNRESET: 'the connection was broken',
  EPIPE: 'the connection was broken',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to the host',
  ETIMEDOUT: 'no answer',
  EPROTO: 'it does not take the key that etcd has of it',
};

/** What went wrong with a connection, without the words of the TLS library. */
export function reasonOf(error: Error): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code.startsWith('ERR_SSL')) return REASONS.EPROTO ?? code;
  return REASONS[code] ?? (code || error.message);
}
