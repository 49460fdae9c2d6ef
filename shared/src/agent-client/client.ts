import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { CausewayError } from '../errors.ts';
import type { AgentAddress } from '../model/agent-api.ts';
import { connectAgent, placeOf, reasonOf, unreachable } from './connect.ts';
import { problemFrom } from './problem.ts';

/** What is asked of an agent. */
export interface AgentRequest {
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query: `/v1/containers/web/log?tail=5`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent as fast as the agent takes it, and nothing of it is read before the agent is reached. */
  readonly body?: Readable | Buffer | string;
  /**
   * The longest silence, in milliseconds: neither end has anything to send. Default 30,000. A reader who does not read
   * is no silence.
   */
  readonly idleMs?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

export interface AgentAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Fails with a CausewayError when the agent ends before its answer does. Whoever leaves it unread destroys it. */
  readonly body: Readable;
}

/** A connection that is both ends' own from here on. */
export interface AgentUpgrade {
  /** Of the agent's answer 101. */
  readonly headers: IncomingHttpHeaders;
  readonly socket: Duplex;
  /** What the agent has sent already. */
  readonly head: Buffer;
}

const IDLE_MS = 30_000;
/** Longest complaint that is read, and longest answer of `textFromAgent`, bytes. */
const MOST_PROBLEM = 64 * 1024;
const MOST_TEXT = 64 * 1024 * 1024;

/**
 * Asks one agent.
 *
 * @throws CausewayError the agent's own error, `unreachable` naming host and address, `timeout`
 */
export async function requestAgent(agent: AgentAddress, asked: AgentRequest): Promise<AgentAnswer> {
  const socket = await connectAgent(agent, asked.signal);
  const call = callOn(socket, agent, asked);
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    call.once('response', resolve);
    call.on('error', (error) => reject(errorOf(agent, error)));
    limitSilence(socket, asked.idleMs ?? IDLE_MS, agent, () => false);
    sendBody(call, asked.body);
  });
  const { statusCode = 0, headers } = message;
  limitSilence(socket, asked.idleMs ?? IDLE_MS, agent, () => message.readableLength > 0);
  if (statusCode >= 400) throw await complaintOf(agent, message);
  return { status: statusCode, headers, body: bodyOf(agent, socket, message) };
}

/** As `requestAgent`, for answers that fit into memory. @returns the answer's body as text */
export async function textFromAgent(agent: AgentAddress, asked: AgentRequest): Promise<string> {
  return textOf((await requestAgent(agent, asked)).body, MOST_TEXT);
}

/**
 * Turns a connection to an agent into one of another protocol. There is no time limit on it: its two ends agree on one.
 *
 * @param asked its headers name the protocol: `Upgrade: websocket`, …
 * @throws CausewayError as `requestAgent`
 */
export async function upgradeAgent(agent: AgentAddress, asked: AgentRequest): Promise<AgentUpgrade> {
  const socket = await connectAgent(agent, asked.signal);
  const headers = { connection: 'Upgrade', ...asked.headers };
  const call = callOn(socket, agent, { ...asked, headers });
  limitSilence(socket, asked.idleMs ?? IDLE_MS, agent, () => false);
  return new Promise<AgentUpgrade>((resolve, reject) => {
    call.on('error', (error) => reject(errorOf(agent, error)));
    call.once('response', (message) => complaintOf(agent, message).then(reject));
    call.once('upgrade', (message, duplex, head) => {
      socket.setTimeout(0);
      resolve({ headers: message.headers, socket: duplex, head });
    });
    call.end();
  });
}

/** The whole of a stream. @param most bytes @throws CausewayError `exhausted` when there are more */
export function textOf(stream: Readable, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // An iteration would last until the stream is closed: an answer's is not before all that was asked has been sent.
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk) => {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      chunks.push(bytes);
      if (length <= most) return;
      stream.destroy();
      reject(new CausewayError('exhausted', `reading an answer: it is longer than ${most} bytes`));
    });
    stream.once('end', () => resolve(Buffer.concat(chunks).toString()));
    stream.once('error', reject);
    stream.once('close', () => reject(new CausewayError('unreachable', 'reading an answer: it was cut off')));
  });
}

function callOn(socket: TLSSocket, agent: AgentAddress, asked: AgentRequest): ClientRequest {
  const { method = 'GET', path, headers = {}, signal } = asked;
  const { address: host, port } = agent;
  return request({
    ...{ host, port, path, method, headers: { ...headers } },
    createConnection: () => socket,
    ...(signal === undefined ? {} : { signal }),
  });
}

function sendBody(call: ClientRequest, body: AgentRequest['body']): void {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) call.end(body);
  // Its failure is the call's, which is told as such; one that the agent answers early is ended by the answer.
  else pipeline(body, call).catch((error: Error) => call.destroy(error));
}

/** Breaks a connection that is silent for too long. @param isBusy it is this end that is slow */
function limitSilence(socket: TLSSocket, ms: number, agent: AgentAddress, isBusy: () => boolean): void {
  socket.removeAllListeners('timeout');
  socket.setTimeout(ms);
  socket.on('timeout', () => {
    if (isBusy()) return;
    const told = `asking the agent of ${placeOf(agent)}: no word for ${ms / 1_000} s`;
    socket.destroy(new CausewayError('timeout', told));
  });
}

async function complaintOf(agent: AgentAddress, message: IncomingMessage): Promise<CausewayError> {
  const text = await textOf(message, MOST_PROBLEM).catch(() => '');
  message.destroy();
  return problemFrom(text, message.statusCode ?? 0, placeOf(agent));
}

/** The answer's body, whose failures are told in our words. */
function bodyOf(agent: AgentAddress, socket: TLSSocket, message: IncomingMessage): Readable {
  const body = new PassThrough();
  message.once('error', (error) => body.destroy(errorOf(agent, socket.errored ?? error)));
  body.once('close', () => message.destroy());
  return message.pipe(body);
}

function errorOf(agent: AgentAddress, error: Error): CausewayError {
  return error instanceof CausewayError ? error : unreachable(agent, reasonOf(error));
}
