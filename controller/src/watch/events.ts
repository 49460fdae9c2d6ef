import { type Collection, tableOf } from '../objects/collection.ts';
import type { EndpointObject } from '../objects/endpoint.ts';
import { allEndpoints, endpointId, endpointObjects } from '../objects/endpoint.ts';
import { type EventObject, eventObjects } from '../objects/event.ts';
import type { Batch, Source } from '../view/batch.ts';
import type { Change, Kind, Rows, Stored, Tables } from '../view/tables.ts';

export interface WatchEvent<T> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
}

/** Something that can be watched: a first list, and what each delivery changes in it. */
export interface Watchable<T> {
  readonly source: Source;
  all(tables: Tables): readonly T[];
  events(batch: Batch, tables: Tables): readonly WatchEvent<T>[];
}

/** Watches a noun's objects; a change of any table that adds to an object is its `modified`. */
export function watchObjects<K extends Kind, T>(collection: Collection<K, T>): Watchable<T> {
  return {
    source: collection.source,
    all: (tables) => [...tableOf(collection, tables)].map(([id, row]) => collection.present(row, id, tables)),
    events: (batch, tables) => {
      const events = new Map<string, WatchEvent<T>>();
      for (const change of batch.changes) {
        const isRow = change.kind === collection.kind;
        if (!isRow && !collection.also.includes(change.kind)) continue;
        const ids = (isRow ? undefined : collection.idsOf?.(change)) ?? [change.id];
        for (const id of ids) {
          if (!isRow && events.has(id)) continue;
          const event = eventOf(collection, change, id, tables);
          if (event !== undefined) events.set(id, event);
        }
      }
      return [...events.values()];
    },
  };
}

/** Watches endpoints, of one service or of all. */
export function watchEndpoints(service?: string): Watchable<EndpointObject> {
  return {
    source: 'causeway',
    all: (tables) =>
      service === undefined ? allEndpoints(tables) : endpointObjects(tables.endpoints.get(service)),
    events: (batch) =>
      batch.changes.flatMap((change) =>
        change.kind === 'endpoints' && (service === undefined || change.id === service)
          ? endpointEvents(endpointObjects(change.before), endpointObjects(change.after))
          : [],
      ),
  };
}

function eventOf<K extends Kind, T>(
  collection: Collection<K, T>,
  change: Change,
  id: string,
  tables: Tables,
): WatchEvent<T> | undefined {
  const row = tableOf(collection, tables).get(id);
  const isRow = change.kind === collection.kind;
  if (row !== undefined) {
    const type = isRow && change.before === undefined ? 'added' : 'modified';
    return { type, object: collection.present(row, id, tables) };
  }
  if (!isRow || change.before === undefined) return undefined;
  // The kinds are equal, so the row is one of this collection.
  const before = change.before as Stored<Rows[K]>;
  return { type: 'deleted', object: collection.present(before, id, tables) };
}

function endpointEvents(
  before: readonly EndpointObject[],
  after: readonly EndpointObject[],
): readonly WatchEvent<EndpointObject>[] {
  const old = new Map(before.map((endpoint) => [endpointId(endpoint), endpoint]));
  const present = new Set(after.map(endpointId));
  return [
    ...after.flatMap((object): WatchEvent<EndpointObject>[] => {
      const was = old.get(endpointId(object));
      if (was === undefined) return [{ type: 'added', object }];
      return same(was, object) ? [] : [{ type: 'modified', object }];
    }),
    ...before
      .filter((endpoint) => !present.has(endpointId(endpoint)))
      .map((object): WatchEvent<EndpointObject> => ({ type: 'deleted', object })),
  ];
}

/** The revision is the whole set's; it says nothing of one endpoint. */
function same({ revision: _a, ...a }: EndpointObject, { revision: _b, ...b }: EndpointObject): boolean {
  const text = (fields: object) =>
    JSON.stringify(Object.entries(fields).sort(([x], [y]) => (x < y ? -1 : 1)));
  return text(a) === text(b);
}

/** Watches what happens to one host or to all; each event is told once, as `added`. */
export function watchNodeEvents(host?: string): Watchable<EventObject> {
  return {
    source: 'causeway',
    all: (tables) => eventObjects(tables, host),
    events: ({ changes }) => {
      const rows = new Map(
        changes.flatMap((change) =>
          change.kind === 'event' && change.after !== undefined && change.after !== change.before
            ? [[change.id, change.after] as const]
            : [],
        ),
      );
      return eventObjects({ event: rows }, host).map((object) => ({ type: 'added', object }));
    },
  };
}
