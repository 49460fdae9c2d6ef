import { containerInputSchema } from '@causeway/shared/model/container-input';
import { z } from 'zod';
import { noContainer } from '../container-life.ts';
import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import {
  type ContainerObject,
  containerObject,
  containerSchema,
  containerStatuses,
  containerStatusSchema,
  containers,
} from '../objects/container.ts';
import { deletedSchema, FLAG_ERROR, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { answerRemoval, CHANGED_HEADER, type Headers, REVISION_HEADER } from './answer.ts';
import { listRoute, readRoute } from './reads.ts';

export function containerRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  statusRoute(app, deps);
  createRoute(app, deps);
  stopRoute(app, deps);
  startRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/containers',
    tag: 'containers',
    summary: 'All containers',
    collection: containers,
    schema: containerSchema,
  });

  readRoute(app, deps, {
    path: '/v1/containers/:name',
    tag: 'containers',
    summary: 'One container',
    collection: containers,
    schema: containerSchema,
    missing: noContainer,
  });
}

function statusRoute(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/container-status',
    tag: 'containers',
    summary: 'What hosts say of containers',
    description: 'Also of those that were deleted, until their hosts have removed them.',
    collection: containerStatuses,
    schema: containerStatusSchema,
  });
}

function createRoute(app: App, { containers: writer, view }: Deps): void {
  app.post(
    '/v1/containers',
    {
      schema: {
        tags: ['containers'],
        summary: 'Run a container, or attach somebody else’s',
        description:
          'The same definition again answers 200 and changes nothing; another one of that name is a 409, and so is a port or an address that another container has.',
        querystring: writeQuery,
        body: containerInputSchema,
        response: { 200: containerSchema, 201: containerSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { spec, revision, created } = await writer.create(request.body, request.query.dryRun);
      reply.header('etag', etag(revision)).header(REVISION_HEADER, revision);
      if (created) reply.header('location', `/v1/containers/${spec.name}`);
      const status = view.tables.containerStatus.get(spec.name);
      reply.code(created ? 201 : 200);
      return containerObject(spec, revision, status);
    },
  );
}

function stopRoute(app: App, deps: Deps): void {
  app.post(
    '/v1/containers/:name/stop',
    {
      schema: {
        tags: ['containers'],
        summary: 'Stop a container',
        description:
          'SIGTERM, then SIGKILL. Its services lose it at once; it keeps its addresses and its files. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: containerSchema, ...problems },
      },
    },
    (request, reply) => setWanted(deps, 'stopped', request, reply),
  );
}

function startRoute(app: App, deps: Deps): void {
  app.post(
    '/v1/containers/:name/start',
    {
      schema: {
        tags: ['containers'],
        summary: 'Start a container that was stopped or has ended',
        description: 'One that runs stays as it is. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: containerSchema, ...problems },
      },
    },
    (request, reply) => setWanted(deps, 'running', request, reply),
  );
}

interface LifeRequest {
  readonly params: z.output<typeof nameParams>;
  readonly query: z.output<typeof writeQuery>;
  readonly headers: Readonly<Record<string, unknown>> & { readonly 'if-match'?: string | undefined };
}

async function setWanted(
  { containers: writer, view }: Deps,
  want: 'running' | 'stopped',
  { params, query, headers }: LifeRequest,
  reply: Headers,
): Promise<ContainerObject> {
  const options = { ifMatch: parseIfMatch(headers['if-match']), dryRun: query.dryRun };
  const { spec, revision, changed } = await writer.want(params.name, want, options);
  reply.header('etag', etag(revision));
  reply.header(CHANGED_HEADER, String(changed));
  reply.header(REVISION_HEADER, revision);
  return containerObject(spec, revision, view.tables.containerStatus.get(spec.name));
}

const removeQuery = writeQuery.extend({
  force: z
    .enum(['', 'true', '1', 'false', '0'], { error: FLAG_ERROR })
    .default('true')
    .transform((text) => text !== 'false' && text !== '0')
    .describe('`false`: not one that runs, nor one whose network others use. Default: `true`.'),
});

function deleteRoute(app: App, { containers: writer }: Deps): void {
  app.delete(
    '/v1/containers/:name',
    {
      schema: {
        tags: ['containers'],
        summary: 'Stop and remove a container',
        description: 'Services that name it keep the reference, unresolved. Takes If-Match.',
        params: nameParams,
        querystring: removeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    (request, reply) => answerRemoval(request, reply, (name, options) => writer.remove(name, options)),
  );
}
