import { workloadInputSchema } from '@causeway/shared/model/workload-input';
import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { find, list } from '../objects/collection.ts';
import { deletedSchema, listOf, listQuery, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { workloadSchema, workloads } from '../objects/workload.ts';
import { watchObjects } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';
import { noWorkload, type WrittenWorkload } from '../workload-writer.ts';
import { answerRemoval, type Headers, REVISION_HEADER } from './answer.ts';
import { checkedName } from './name.ts';

export function workloadRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  createRoute(app, deps);
  replaceRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/workloads',
    {
      schema: {
        tags: ['workloads'],
        summary: 'All workloads: what serves and no agent of ours runs',
        querystring: listQuery,
        response: { 200: listOf(workloadSchema), ...problems },
      },
    },
    async (request, reply) =>
      request.query.watch
        ? stream(request, reply, view, streams, watchObjects(workloads))
        : list(workloads, view, request.query),
  );

  app.get(
    '/v1/workloads/:name',
    {
      schema: {
        tags: ['workloads'],
        summary: 'One workload',
        params: nameParams,
        response: { 200: workloadSchema, ...problems },
      },
    },
    async (request, reply) => {
      const workload = find(workloads, view.tables, request.params.name);
      if (workload === undefined) throw noWorkload(request.params.name);
      reply.header('etag', etag(workload.revision));
      return workload;
    },
  );
}

function createRoute(app: App, { workloads: writer }: Deps): void {
  app.post(
    '/v1/workloads',
    {
      schema: {
        tags: ['workloads'],
        summary: 'Register a workload, so that services can name and select it',
        description:
          'The same definition again answers 200 and changes nothing; another one of that name is a 409.',
        querystring: writeQuery,
        body: workloadInputSchema,
        response: { 200: workloadSchema, 201: workloadSchema, ...problems },
      },
    },
    async (request, reply) => {
      const written = await writer.create(request.body, request.query.dryRun);
      reply.code(written.created ? 201 : 200);
      return answer(reply, written);
    },
  );
}

function replaceRoute(app: App, { workloads: writer }: Deps): void {
  app.put(
    '/v1/workloads/:name',
    {
      schema: {
        tags: ['workloads'],
        summary: 'Register a workload or replace it',
        description: 'The endpoints of services follow. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        body: workloadInputSchema.partial({ name: true }),
        response: { 200: workloadSchema, 201: workloadSchema, ...problems },
      },
    },
    async (request, reply) => {
      const name = checkedName(request.params.name, request.body.name);
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const written = await writer.replace({ ...request.body, name }, options);
      reply.code(written.created ? 201 : 200);
      return answer(reply, written);
    },
  );
}

function deleteRoute(app: App, { workloads: writer }: Deps): void {
  app.delete(
    '/v1/workloads/:name',
    {
      schema: {
        tags: ['workloads'],
        summary: 'Forget a workload',
        description: 'Services that name it keep the reference, unresolved. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    (request, reply) => answerRemoval(request, reply, (name, options) => writer.remove(name, options)),
  );
}

function answer(reply: Headers, { workload, revision, created }: WrittenWorkload) {
  reply.header('etag', etag(revision));
  reply.header(REVISION_HEADER, revision);
  if (created) reply.header('location', `/v1/workloads/${workload.name}`);
  return { ...workload, revision };
}
