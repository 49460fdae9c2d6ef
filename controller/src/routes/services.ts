import { CausewayError } from '@causeway/shared/errors';
import { serviceInputSchema } from '@causeway/shared/model/service-input';
import { keys } from '@causeway/shared/store/keys';
import { nameOfInput } from '../allocate/complete.ts';
import { planCreate, planReplace } from '../allocate/plan-service.ts';
import { noService } from '../allocate/service-writer.ts';
import type { App, Deps } from '../deps.ts';
import { parseIfMatch } from '../if-match.ts';
import { deletedSchema, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { serviceSchema, services } from '../objects/service.ts';
import type { View } from '../view/view.ts';
import { answerRemoval, answerService } from './answer.ts';
import { checkedName } from './name.ts';
import { listRoute, readRoute } from './reads.ts';

export function serviceRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  writeRoutes(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/services',
    tag: 'services',
    summary: 'All services',
    collection: services,
    schema: serviceSchema,
  });

  readRoute(app, deps, {
    path: '/v1/services/:name',
    tag: 'services',
    summary: 'One service',
    collection: services,
    schema: serviceSchema,
    missing: (name) => unreadable(deps.view, name) ?? noService(name),
  });
}

function writeRoutes(app: App, { services: writer, chance, view }: Deps): void {
  app.post(
    '/v1/services',
    {
      schema: {
        tags: ['services'],
        summary: 'Make a service',
        description:
          'The same definition again answers 200 and changes nothing; another one of that name is a 409.',
        querystring: writeQuery,
        body: serviceInputSchema,
        response: { 200: serviceSchema, 201: serviceSchema, ...problems },
      },
    },
    async (request, reply) => {
      const options = { ifMatch: undefined, dryRun: request.query.dryRun };
      const name = nameOfInput(request.body);
      const written = await writer.put(name, planCreate(request.body, chance), options);
      reply.code(written.created ? 201 : 200);
      return answerService(reply, written, view);
    },
  );

  app.put(
    '/v1/services/:name',
    {
      schema: {
        tags: ['services'],
        summary: 'Make a service or replace it',
        description: 'A VIP or NodePort that is left to `auto` stays what it is. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        body: serviceInputSchema,
        response: { 200: serviceSchema, 201: serviceSchema, ...problems },
      },
    },
    async (request, reply) => {
      const name = checkedName(request.params.name, request.body.name);
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const plan = planReplace({ ...request.body, name }, chance);
      const written = await writer.put(name, plan, options);
      reply.code(written.created ? 201 : 200);
      return answerService(reply, written, view);
    },
  );
}

function deleteRoute(app: App, { services: writer }: Deps): void {
  app.delete(
    '/v1/services/:name',
    {
      schema: {
        tags: ['services'],
        summary: 'Remove a service, its VIP and its NodePorts',
        description: 'Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    (request, reply) => answerRemoval(request, reply, (name, options) => writer.remove(name, options)),
  );
}

function unreadable(view: View, name: string): CausewayError | undefined {
  const why = view.unreadable.get(keys.serviceSpec(name));
  return why === undefined ? undefined : new CausewayError('unreadable', why);
}
