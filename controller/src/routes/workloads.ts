import { workloadInputSchema } from '@causeway/shared/model/workload-input';
import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { deletedSchema, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { workloadSchema, workloads } from '../objects/workload.ts';
import { noWorkload, type WrittenWorkload } from '../workload-writer.ts';
import { answerRemoval, type Headers, REVISION_HEADER } from './answer.ts';
import { checkedName } from './name.ts';
import { listRoute, readRoute } from './reads.ts';

export function workloadRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  createRoute(app, deps);
  replaceRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/workloads',
    tag: 'workloads',
    summary: 'All workloads: what serves and no agent of ours runs',
    collection: workloads,
    schema: workloadSchema,
  });

  readRoute(app, deps, {
    path: '/v1/workloads/:name',
    tag: 'workloads',
    summary: 'One workload',
    collection: workloads,
    schema: workloadSchema,
    missing: noWorkload,
  });
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
