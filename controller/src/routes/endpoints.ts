import { endpointInputSchema, endpointPatchSchema } from '@causeway/shared/model/endpoint-input';
import { z } from 'zod';
import { planAddEndpoint, planPatchEndpoint, planRemoveEndpoint } from '../allocate/plan-service.ts';
import { noService } from '../allocate/service-writer.ts';
import type { App, Deps } from '../deps.ts';
import { parseIfMatch } from '../if-match.ts';
import { page } from '../objects/collection.ts';
import { allEndpoints, endpointId, endpointObjects, endpointSchema } from '../objects/endpoint.ts';
import { listOf, listQuery, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { serviceSchema } from '../objects/service.ts';
import { watchEndpoints } from '../watch/events.ts';
import { stream } from '../watch/stream.ts';
import { answerService } from './answer.ts';

const endpointList = listOf(endpointSchema).extend({
  unresolved: z.array(z.string()).readonly().describe('References that lead nowhere, each as a sentence.'),
});

export function endpointRoutes(app: App, deps: Deps): void {
  allRoute(app, deps);
  serviceRoute(app, deps);
  addRoute(app, deps);
  patchRoute(app, deps);
  removeRoute(app, deps);
}

function allRoute(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/endpoints',
    {
      schema: {
        tags: ['endpoints'],
        summary: 'All endpoints of all services',
        querystring: listQuery,
        response: { 200: listOf(endpointSchema), ...problems },
      },
    },
    async (request, reply) => {
      if (request.query.watch) return stream(request, reply, view, streams, watchEndpoints());
      const { part, next } = page(allEndpoints(view.tables), endpointId, request.query);
      return { items: part, revision: view.revision('causeway'), ...next };
    },
  );
}

function serviceRoute(app: App, { view, streams }: Deps): void {
  app.get(
    '/v1/services/:name/endpoints',
    {
      schema: {
        tags: ['endpoints'],
        summary: 'The endpoints of a service',
        params: nameParams,
        querystring: listQuery,
        response: { 200: endpointList, ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (!view.tables.service.has(name)) throw noService(name);
      if (request.query.watch) return stream(request, reply, view, streams, watchEndpoints(name));
      const set = view.tables.endpoints.get(name);
      const { part, next } = page(endpointObjects(set), endpointId, request.query);
      const unresolved = set?.value.unresolved ?? [];
      return { items: part, unresolved, revision: view.revision('causeway'), ...next };
    },
  );
}

function addRoute(app: App, { services, view }: Deps): void {
  app.post(
    '/v1/services/:name/endpoints',
    {
      schema: {
        tags: ['endpoints'],
        summary: 'Add an endpoint to a service',
        description:
          'Answers the service. An endpoint that it has already stays, with the weight and the drain that are sent, if any are. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        body: endpointInputSchema,
        response: { 200: serviceSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const written = await services.put(name, planAddEndpoint(name, request.body), options);
      return answerService(reply, written, view);
    },
  );
}

const endpointParams = nameParams.extend({ to: z.string().describe('`10.10.1.2:12345` or `web-1`') });

function patchRoute(app: App, { services, view, chance }: Deps): void {
  app.patch(
    '/v1/services/:name/endpoints/:to',
    {
      schema: {
        tags: ['endpoints'],
        summary: 'Weigh an endpoint, drain it, or use it again',
        description:
          'Named as it was given, or by where it leads; one that the selector found is from then on a named one. Answers the service. Takes If-Match.',
        params: endpointParams,
        querystring: writeQuery,
        body: endpointPatchSchema,
        response: { 200: serviceSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { name, to } = request.params;
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const plan = planPatchEndpoint(name, to, request.body, chance);
      return answerService(reply, await services.put(name, plan, options), view);
    },
  );
}

function removeRoute(app: App, { services, view }: Deps): void {
  app.delete(
    '/v1/services/:name/endpoints/:to',
    {
      schema: {
        tags: ['endpoints'],
        summary: 'Take an endpoint from a service',
        description: 'Named as it was given, or by where it leads. Answers the service. Takes If-Match.',
        params: endpointParams,
        querystring: writeQuery,
        response: { 200: serviceSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { name, to } = request.params;
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const written = await services.put(name, planRemoveEndpoint(name, to), options);
      return answerService(reply, written, view);
    },
  );
}
