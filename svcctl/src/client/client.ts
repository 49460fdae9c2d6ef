import { closeSync, constants, openSync } from 'node:fs';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import type { ClientOptions, WebSocket } from 'ws';
import type { ListOf } from '../api.ts';
import { parseBody, problem, readAll, revisionOf, unreachable } from './answer.ts';
import type { Server } from './discover.ts';
import { eventParser, type ServerEvent } from './events.ts';

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  /** etcd's revision of the write, or of the object where nothing was written; 0 when there is none. */
  readonly revision: number;
  /** Whether a write changed anything, where the controller says so. */
  readonly changed?: boolean;
}

export interface Ask {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The revision that the object must have. */
  readonly ifMatch?: number;
  /** Sent as it is, as fast as it is taken; instead of `body`. */
  readonly archive?: Readable;
  /** How long the controller may say nothing, milliseconds; default 10,000. */
  readonly silenceMs?: number;
  /** Statuses that are answers and no errors, besides 2xx. */
  readonly accept?: readonly number[];
}

export interface Stream {
  readonly onEvent: (event: ServerEvent) => void;
  /** Called once when the stream is over, whoever ended it. */
  readonly onEnd: (reason: string) => void;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A controller that says nothing for this long counts as unreachable. */
const SILENCE_MS = 10_000;
/** A stream without even a heartbeat (the controller sends one every 15 s) for this long is dead. */
const QUIET_STREAM_MS = 50_000;
/** Most bytes of one request that a controller reads; of a longer one it hangs up in the middle. */
const LONGEST_BODY = 1024 * 1024;
/** Bytes that the kernel allows for a unix socket's path, without the closing zero. */
const LONGEST_SOCKET_PATH = 107;

/** The controller's REST API. Every failure is a CausewayError whose code decides the exit code. */
export class Client {
  readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  /** @throws CausewayError with the controller's own sentence and code, or `unreachable` */
  async ask<T>(method: Method, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const told = `${method} ${path} of ${this.server.text}`;
    const { response, close } = await this.#send(method, withQuery(path, ask.query), ask, told);
    const text = await readAll(response, told).finally(close);
    const status = response.statusCode ?? 0;
    const body = parseBody(text, response, told);
    if ((status < 200 || status > 299) && !ask.accept?.includes(status)) throw problem(status, body, told);
    const changed = response.headers['x-causeway-changed'];
    return {
      status,
      body: body as T,
      revision: revisionOf(response, body),
      ...(changed === undefined ? {} : { changed: changed === 'true' }),
    };
  }

  async get<T>(path: string, query?: Readonly<Record<string, string>>): Promise<T> {
    return (await this.ask<T>('GET', path, query === undefined ? {} : { query })).body;
  }

  /** All pages of a list. */
  async list<T>(path: string): Promise<ListOf<T>> {
    const first = await this.get<ListOf<T>>(path);
    const items = [...(first.items ?? [])];
    let next = first.continue;
    while (next) {
      const page: ListOf<T> = await this.get(path, { continue: next });
      items.push(...page.items);
      next = page.continue;
    }
    return { items, revision: first.revision };
  }

  /** Opens `path?watch=true`. @returns when the stream is open, the function that closes it */
  async watch(path: string, stream: Stream): Promise<() => void> {
    const told = `watching ${path} of ${this.server.text}`;
    const query = withQuery(path, { watch: 'true' });
    const { request, response } = await this.#send('GET', query, {}, told);
    if (response.statusCode !== 200) {
      const text = await readAll(response, told);
      throw problem(response.statusCode ?? 0, parseBody(text, response, told), told);
    }
    request.setTimeout(QUIET_STREAM_MS);
    response.setEncoding('utf8');
    response.on('data', eventParser(stream.onEvent));
    response.on('error', () => {});
    response.once('close', () => stream.onEnd(`${told}: the connection ended`));
    return () => request.destroy();
  }

  /**
   * Opens an answer that is read as it comes. A silence longer than `quietMs` breaks it off.
   *
   * @throws CausewayError with the controller's own sentence and code, or `unreachable`
   */
  async stream(
    path: string,
    query: Readonly<Record<string, string>>,
    quietMs: number,
  ): Promise<IncomingMessage> {
    const told = `GET ${path} of ${this.server.text}`;
    const { request, response } = await this.#send('GET', withQuery(path, query), {}, told);
    if (response.statusCode !== 200) {
      const text = await readAll(response, told);
      throw problem(response.statusCode ?? 0, parseBody(text, response, told), told);
    }
    request.setTimeout(quietMs);
    return response;
  }

  /**
   * Opens a WebSocket. @param protocol which both ends must speak
   *
   * @throws CausewayError with the controller's own sentence and code, or `unreachable`
   */
  async webSocket(path: string, protocol: string): Promise<WebSocket> {
    // Only those who need it pay for loading it.
    const [{ WebSocket }, { connect }] = await Promise.all([import('ws'), import('node:net')]);
    const { url, socketPath } = this.server;
    const told = `GET ${path} of ${this.server.text}`;
    const near = socketPath === undefined ? undefined : reachable(socketPath);
    const base = url === undefined ? 'http://localhost' : url.href.replace(/\/$/, '');
    const options: ClientOptions = {
      ...{ perMessageDeflate: false, handshakeTimeout: SILENCE_MS },
      ...(near === undefined ? {} : { createConnection: () => connect(near.path) }),
    };
    const socket = new WebSocket(`${base.replace(/^http/, 'ws')}${path}`, [protocol], options);
    return new Promise<WebSocket>((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.on('error', (error) => reject(unreachable(told, error)));
      socket.once('unexpected-response', (_request, response) => {
        readAll(response, told)
          .then((text) => reject(problem(response.statusCode ?? 0, parseBody(text, response, told), told)))
          .catch(reject);
      });
    }).finally(() => near?.release());
  }

  async #send(
    method: Method,
    path: string,
    { body, ifMatch, archive, silenceMs = SILENCE_MS }: Ask,
    told: string,
  ): Promise<Exchange> {
    const { url, socketPath } = this.server;
    const { Agent, request } =
      url?.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const length = Buffer.byteLength(payload ?? '');
    if (length > LONGEST_BODY) {
      const limit = `a controller takes at most ${LONGEST_BODY}`;
      throw new CausewayError('invalid', `the definition is too large: it has ${length} bytes, ${limit}`);
    }
    const headers: Record<string, string | number> = { accept: 'application/json, text/event-stream' };
    if (payload !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = length;
    } else if (archive !== undefined) headers['content-type'] = 'application/x-tar';
    if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
    const base = url === undefined ? '' : url.pathname.replace(/\/$/, '');
    const options: RequestOptions = { method, path: base + path, headers, timeout: silenceMs };
    const near = socketPath === undefined ? undefined : reachable(socketPath);
    if (near !== undefined) options.socketPath = near.path;
    // A connection of its own, for nothing follows on one on which something may not have been read; and one to be kept:
    // a server closes any other with its answer, and who is still sending learns of the closing before the answer.
    const own = archive === undefined ? undefined : new Agent({ keepAlive: true });
    if (own !== undefined) options.agent = own;
    const close = () => own?.destroy();
    return new Promise<Exchange>((resolve, reject) => {
      const sent = url === undefined ? request(options) : request(url, options);
      sent.once('response', (response) => resolve({ request: sent, response, close }));
      sent.once('timeout', () => sent.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
      sent.on('error', (error) => reject(unreachable(told, error)));
      if (archive === undefined) sent.end(payload);
      else sendArchive(archive, sent, reject);
    }).finally(() => near?.release());
  }
}

interface Exchange {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** Lets go of a connection that was this exchange's own. */
  readonly close: () => void;
}

/** A controller that has answered reads no further: what is left is not sent. */
function sendArchive(archive: Readable, sent: ClientRequest, reject: (error: unknown) => void): void {
  sent.once('response', () => {
    archive.unpipe(sent);
    archive.destroy();
    sent.end();
  });
  archive.once('error', (error) => {
    reject(error);
    sent.destroy();
  });
  archive.pipe(sent);
}

/** A socket path too long for the kernel is reached through its opened directory. */
function reachable(path: string): { path: string; release(): void } {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return { path, release() {} };
  try {
    const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    return { path: `/proc/self/fd/${fd}/${basename(path)}`, release: () => closeSync(fd) };
  } catch {
    return { path, release() {} };
  }
}

function withQuery(path: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  if (text === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${text}`;
}
