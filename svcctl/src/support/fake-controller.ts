import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NodeView } from '../api.ts';

/** What a handler answers; a `text` body is sent as it is, everything else as JSON. */
export interface Reply {
  readonly status?: number;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export type Handler = (asked: Asked) => Reply | undefined;

/** The smallest thing that speaks the controller's REST: handlers by hand, and streams that tests write to. */
export class FakeController {
  readonly asked: Asked[] = [];
  readonly #handlers: Handler[] = [];
  readonly #streams = new Map<string, Set<ServerResponse>>();
  readonly #onStream = new Map<string, (() => void)[]>();
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

  /** The handler that was added last and answers wins. */
  on(handler: Handler): this {
    this.#handlers.unshift(handler);
    return this;
  }

  /** One fixed answer. */
  answer(method: string, path: string, reply: Reply): this {
    return this.on((asked) => (asked.method === method && asked.path === path ? reply : undefined));
  }

  list(path: string, items: readonly unknown[], revision = 1): this {
    return this.answer('GET', path, { body: { items, revision } });
  }

  /** Knows nothing, whatever it was told before. */
  async start(): Promise<string> {
    this.asked.length = 0;
    this.#handlers.length = 0;
    this.#streams.clear();
    this.#onStream.clear();
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Resolves when somebody watches `path`. */
  watched(path: string): Promise<void> {
    if ((this.#streams.get(path)?.size ?? 0) > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onStream.set(path, [...(this.#onStream.get(path) ?? []), resolve]);
    });
  }

  send(path: string, event: string, object: unknown): void {
    for (const stream of this.#streams.get(path) ?? []) stream.write(eventText(event, object));
  }

  /** Cuts every stream, as a restarting controller does. */
  cutStreams(): void {
    for (const streams of this.#streams.values()) for (const stream of streams) stream.destroy();
  }

  /** The writes that were asked for, as `PUT /v1/services/web?dryRun=true`. */
  writes(): string[] {
    return this.asked
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path, query }) => `${method} ${path}${query.dryRun ? '?dryRun' : ''}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const query = Object.fromEntries(url.searchParams);
    if (query.watch === 'true') return this.#stream(url.pathname, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const asked: Asked = { method: request.method ?? '', path: url.pathname, query, body };
    this.asked.push(asked);
    const reply = this.#answer(asked);
    const {
      status = 200,
      headers = {},
      text: raw,
      body: answered,
    } = reply ?? problem('not-found', 404, 'no such path');
    response.writeHead(status, {
      'content-type': raw === undefined ? 'application/json' : 'text/plain',
      ...headers,
    });
    response.end(raw ?? JSON.stringify(answered));
  }

  #answer(asked: Asked): Reply | undefined {
    for (const handler of this.#handlers) {
      const reply = handler(asked);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  #stream(path: string, response: ServerResponse): void {
    const first = this.#answer({ method: 'GET', path, query: {}, body: undefined });
    if (first === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const { items = [] } = (first.body ?? {}) as { items?: readonly unknown[] };
    for (const item of items) response.write(eventText('added', item));
    response.write(eventText('synced', { revision: 1 }));
    const streams = this.#streams.get(path) ?? new Set();
    this.#streams.set(path, streams.add(response));
    response.on('close', () => streams.delete(response));
    for (const resolve of this.#onStream.get(path) ?? []) resolve();
    this.#onStream.delete(path);
  }
}

function eventText(event: string, data: unknown): string {
  return `event: ${event}\nid: 1\ndata: ${JSON.stringify(data)}\n\n`;
}

/** @param field what of the request is wrong, as the API calls it */
export function problem(code: string, status: number, detail: string, field?: string): Reply {
  return { status, body: { type: 'about:blank', title: code, status, detail, code, field } };
}

/** A host that is well; `revision` is what its kernel holds. */
export function node(name: string, revision: number, changes: Partial<NodeView> = {}): NodeView {
  return {
    name,
    id: `id-of-${name}`,
    publicIp: '192.168.122.11',
    addresses: ['192.168.122.11'],
    subnet: '10.10.1.0/24',
    dataplane: 'nftables',
    version: '0.1.0',
    alive: true,
    cordoned: false,
    drained: false,
    reservations: [],
    revision: 1,
    report: {
      name,
      servicesRevision: revision,
      networkRevision: 1,
      appliedInMs: 4.2,
      at: '2026-01-01T00:00:00Z',
      peersWanted: 2,
      peersInstalled: 2,
      peers: [],
      problems: [],
      repairs: 0,
    },
    ...changes,
  };
}

/** A service as the controller answers it. */
export function service(name: string, changes: object = {}): object {
  return {
    name,
    vips: ['2.2.2.2'],
    families: ['ipv4'],
    ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 88, nodePort: 30001 }],
    endpoints: [{ to: '10.10.1.2:12345' }, { to: '10.10.2.2:12345' }],
    createdAt: '2026-01-01T00:00:00Z',
    revision: 7,
    status: { endpoints: 2, ready: 2, unresolved: [] },
    ...changes,
  };
}
