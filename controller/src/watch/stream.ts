import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { invalid } from '@causeway/shared/errors';
import type { Batch } from '../view/batch.ts';
import type { Tables } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import type { Watchable, WatchEvent } from './events.ts';

/** A comment is sent this often, so that both ends and what is between them notice a dead connection. */
const HEARTBEAT_MS = 15_000;
/** A client that leaves this much unread is cut off, bytes; it comes back with Last-Event-ID. */
const MAX_UNREAD = 8 * 1024 * 1024;

/** How long a client may take to read the end of its stream when the server stops, milliseconds. */
const LAST_WORDS_MS = 500;

/** All open streams of a server, so that it can be stopped. */
export class Streams {
  readonly #open = new Set<() => void>();

  get count(): number {
    return this.#open.size;
  }

  add(close: () => void): () => void {
    this.#open.add(close);
    return () => this.#open.delete(close);
  }

  closeAll(): void {
    for (const close of [...this.#open]) close();
  }
}

/**
 * Answers with server-sent events: with a known Last-Event-ID everything after it; otherwise `reset` (when an id
 * was given that is no longer known: forget what you have), every object as `added`, then `synced`.
 *
 * The last event of a delivery carries the id, its revision: a client that lost its connection in the middle
 * of a delivery gets the whole of it again.
 *
 * @throws CausewayError `invalid` for an id that is no revision
 */
export function stream<T>(
  request: { readonly headers: IncomingHttpHeaders },
  reply: { readonly raw: ServerResponse; hijack(): unknown },
  view: View,
  streams: Streams,
  watchable: Watchable<T>,
): void {
  const lastId = lastEventId(request.headers['last-event-id']);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const write = (text: string) => {
    raw.write(text);
    if (raw.writableLength > MAX_UNREAD) raw.destroy();
  };
  const send = (batch: Batch) => {
    const text = render(watchable.events(batch, view.tables), batch.revision);
    if (text !== '') write(text);
  };
  const missed = lastId === undefined ? undefined : view.since(watchable.source, lastId);
  if (missed === undefined) write(firstList(watchable, view, lastId !== undefined));
  else for (const batch of missed) send(batch);

  const unsubscribe = view.subscribe((batch) => {
    if (batch.source === watchable.source) send(batch);
  });
  const heartbeat = setInterval(() => write(': alive\n\n'), HEARTBEAT_MS);
  const forget = streams.add(() => {
    raw.end();
    // A client that reads no more must not keep the server from stopping.
    setTimeout(() => raw.destroy(), LAST_WORDS_MS).unref();
  });
  raw.on('close', () => {
    clearInterval(heartbeat);
    unsubscribe();
    forget();
  });
}

function firstList<T>(watchable: Watchable<T>, view: View, isReset: boolean): string {
  const revision = view.revision(watchable.source);
  const tables: Tables = view.tables;
  const reset = isReset ? `event: reset\ndata: ${JSON.stringify({ revision })}\n\n` : '';
  const added = watchable.all(tables).map((object) => ({ type: 'added', object }) as const);
  return `${reset}${render(added)}id: ${revision}\nevent: synced\ndata: ${JSON.stringify({ revision })}\n\n`;
}

function render<T>(events: readonly WatchEvent<T>[], revision?: number): string {
  return events
    .map(({ type, object }, index) => {
      const id = revision !== undefined && index === events.length - 1 ? `id: ${revision}\n` : '';
      return `${id}event: ${type}\ndata: ${JSON.stringify(object)}\n\n`;
    })
    .join('');
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header)) {
    throw invalid('Last-Event-ID', header, 'is not a revision that an earlier event carried');
  }
  return Number(header);
}
