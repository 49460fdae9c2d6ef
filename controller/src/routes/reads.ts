import type { CausewayError } from '@causeway/shared/errors';
import type { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { etag } from '../if-match.ts';
import { type Collection, find, list } from '../objects/collection.ts';
import { listOf, listQuery, nameParams, problems } from '../objects/schemas.ts';
import type { Kind } from '../view/tables.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';

/** A route by which objects are read that a collection puts together. */
export interface Read<K extends Kind, T> {
  readonly path: string;
  /** The part of the documentation that it is in. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly collection: Collection<K, T>;
  readonly schema: z.ZodType<T>;
}

/** All objects of a collection, in pages or as they change. */
export function listRoute<K extends Kind, T>(app: App, { view, streams }: Deps, read: Read<K, T>): void {
  const { path, collection, schema } = read;
  app.get(
    path,
    {
      schema: {
        ...documentationOf(read),
        querystring: listQuery,
        response: { 200: listOf(schema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(collection))
        : list(collection, view, request.query),
  );
}

interface ReadOne<K extends Kind, T> extends Read<K, T> {
  /** What is said of a name that nothing has. */
  readonly missing: (name: string) => CausewayError;
}

/** One object of a collection, by the name in the path. */
export function readRoute<K extends Kind, T extends { readonly revision: number }>(
  app: App,
  { view }: Deps,
  read: ReadOne<K, T>,
): void {
  const { path, collection, schema, missing } = read;
  // That the answer is of the schema is said by `Read`; Fastify's types cannot say it of a type that is a parameter.
  app.get<{ Params: z.output<typeof nameParams> }>(
    path,
    {
      schema: {
        ...documentationOf(read),
        params: nameParams,
        response: { 200: schema, ...problems },
      },
    },
    async ({ params: { name } }, reply) => {
      const object = find(collection, view.tables, name);
      if (object === undefined) throw missing(name);
      reply.header('etag', etag(object.revision));
      return object;
    },
  );
}

function documentationOf({ tag, summary, description }: Omit<Read<Kind, unknown>, 'collection' | 'schema'>) {
  return { tags: [tag], summary, ...(description === undefined ? {} : { description }) };
}
