import { containerInputSchema } from '@causeway/shared/model/container-input';
import { noContainer } from '../container-writer.ts';
import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { find, list } from '../objects/collection.ts';
import {
  containerObject,
  containerSchema,
  containerStatuses,
  containerStatusSchema,
  containers,
} from '../objects/container.ts';
import { deletedSchema, listOf, listQuery, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';
import { REVISION_HEADER } from './answer.ts';

export function containerRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  statusRoute(app, deps);
  createRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/containers',
    {
      schema: {
        tags: ['containers'],
        summary: 'All containers',
        querystring: listQuery,
        response: { 200: listOf(containerSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(containers))
        : list(containers, view, request.query),
  );

  app.get(
    '/v1/containers/:name',
    {
      schema: {
        tags: ['containers'],
        summary: 'One container',
        params: nameParams,
        response: { 200: containerSchema, ...problems },
      },
    },
    async (request, reply) => {
      const container = find(containers, view.tables, request.params.name);
      if (container === undefined) throw noContainer(request.params.name);
      reply.header('etag', etag(container.revision));
      return container;
    },
  );
}

function statusRoute(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/container-status',
    {
      schema: {
        tags: ['containers'],
        summary: 'What hosts say of containers',
        description: 'Also of those that were deleted, until their hosts have removed them.',
        querystring: listQuery,
        response: { 200: listOf(containerStatusSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(containerStatuses))
        : list(containerStatuses, view, request.query),
  );
}

function createRoute(app: App, { containers: writer, view }: Deps): void {
  app.post(
    '/v1/containers',
    {
      schema: {
        tags: ['containers'],
        summary: 'Start a container',
        description:
          'The same definition again answers 200 and changes nothing; another one of that name is a 409.',
        querystring: writeQuery,
        body: containerInputSchema,
        response: { 200: containerSchema, 201: containerSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { spec, revision, created } = await writer.create(request.body, request.query.dryRun);
      reply.header('etag', etag(revision)).header(REVISION_HEADER, revision);
      if (created) reply.header('location', `/v1/containers/${spec.name}`);
      const status = view.tables.containerStatus.get(spec.name)?.value;
      reply.code(created ? 201 : 200);
      return containerObject(spec, revision, status);
    },
  );
}

function deleteRoute(app: App, { containers: writer }: Deps): void {
  app.delete(
    '/v1/containers/:name',
    {
      schema: {
        tags: ['containers'],
        summary: 'Stop and remove a container',
        description: 'Services that name it keep the reference, unresolved. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const { revision } = await writer.remove(name, options);
      reply.header(REVISION_HEADER, revision);
      return { name, revision };
    },
  );
}
