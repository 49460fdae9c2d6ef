import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AgentUpgrade } from '@causeway/shared/agent-client/client';
import type { UpgradeConnection } from './upgrades.ts';

/** What a WebSocket's opening consists of, which its two ends check for themselves. */
const OPENING = ['upgrade', 'sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol'];
const ANSWER = ['upgrade', 'sec-websocket-accept', 'sec-websocket-protocol'];

/** How long one may take to read what the other has sent before its end, milliseconds. */
const LAST_BYTES_MS = 5_000;

export function openingHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return pick(headers, OPENING);
}

/**
 * Passes bytes on between a client and an agent, unread, as fast as the slower of them reads; the end of one is the
 * other's.
 *
 * @returns ends both
 */
export function passOn(client: UpgradeConnection, agent: AgentUpgrade): () => void {
  // Whoever has gone while the agent was asked says so no more.
  if (client.socket.destroyed) agent.socket.destroy();
  const answer = Object.entries(pick(agent.headers, ANSWER)).map(([name, value]) => `${name}: ${value}`);
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', ...answer, '', ''];
  client.socket.write(lines.join('\r\n'));
  client.socket.write(agent.head);
  agent.socket.write(client.head);
  join(client.socket, agent.socket);
  join(agent.socket, client.socket);
  return () => {
    client.socket.destroy();
    agent.socket.destroy();
  };
}

function join(from: Duplex, to: Duplex): void {
  from.on('error', () => to.destroy());
  // What came before an end in good order is still on its way.
  from.once('close', () =>
    from.readableEnded ? setTimeout(() => to.destroy(), LAST_BYTES_MS) : to.destroy(),
  );
  from.pipe(to);
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Readonly<Record<string, string>> {
  const found = names.map((name) => [name, headers[name]] as const);
  return Object.fromEntries(
    found.filter((pair): pair is readonly [string, string] => typeof pair[1] === 'string'),
  );
}
