import { networkPolicyInputSchema } from '@causeway/shared/model/network-policy-input';
import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { find } from '../objects/collection.ts';
import { peerSchema, policies, policyObject, policySchema, subjectSchema } from '../objects/policy.ts';
import { deletedSchema, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { noPolicy, type WrittenPolicy } from '../policies/policy-writer.ts';
import { resolvePeers } from '../policies/resolve.ts';
import { subjectsOf } from '../policies/subjects.ts';
import { peerPlaces } from '../policies/update.ts';
import type { View } from '../view/view.ts';
import { answerRemoval, type Headers, REVISION_HEADER } from './answer.ts';
import { checkedName } from './name.ts';
import { listRoute, readRoute } from './reads.ts';

const PATH = '/v1/policies';
const tags = ['policies'];
/** Most policies of a request, also where most of them are as they should be: each is asked of etcd. */
const MOST_ITEMS = 1_000;

export function policyRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  concernedRoutes(app, deps);
  createRoute(app, deps);
  replaceRoute(app, deps);
  replaceAllRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: PATH,
    tag: 'policies',
    summary: 'All policies: who may connect to containers, and to whom these may',
    collection: policies,
    schema: policySchema,
  });
  readRoute(app, deps, {
    path: `${PATH}/:name`,
    tag: 'policies',
    summary: 'One policy',
    collection: policies,
    schema: policySchema,
    missing: noPolicy,
  });
}

function concernedRoutes(app: App, { view }: Deps): void {
  const get = (name: string) => {
    const policy = find(policies, view.tables, name);
    if (policy === undefined) throw noPolicy(name);
    return policy;
  };
  app.get(
    `${PATH}/:name/subjects`,
    {
      schema: {
        tags,
        summary: 'The containers that a policy is about',
        params: nameParams,
        response: { 200: z.object({ items: z.array(subjectSchema).readonly() }), ...problems },
      },
    },
    async (request) => ({ items: subjectsOf(get(request.params.name), view) }),
  );
  app.get(
    `${PATH}/:name/peers`,
    {
      schema: {
        tags,
        summary: 'Whom the rules of a policy mean by names and labels',
        params: nameParams,
        response: { 200: z.object({ items: z.array(peerSchema).readonly() }), ...problems },
      },
    },
    async (request) => {
      const { name } = get(request.params.name);
      return { items: view.tables.policyPeers.get(name)?.value.rules ?? [] };
    },
  );
}

function createRoute(app: App, { policies: writer, view }: Deps): void {
  app.post(
    PATH,
    {
      schema: {
        tags,
        summary: 'Make a policy',
        description:
          'The same definition again answers 200 and changes nothing; another one of that name is a 409.',
        querystring: writeQuery,
        body: networkPolicyInputSchema,
        response: { 200: policySchema, 201: policySchema, ...problems },
      },
    },
    async (request, reply) => {
      const written = await writer.create(request.body, request.query.dryRun);
      reply.code(written.created ? 201 : 200);
      return answer(reply, written, view);
    },
  );
}

function replaceRoute(app: App, { policies: writer, view }: Deps): void {
  app.put(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Make a policy or replace it',
        description: 'Connections that it refuses now end. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        body: networkPolicyInputSchema.partial({ name: true }),
        response: { 200: policySchema, 201: policySchema, ...problems },
      },
    },
    async (request, reply) => {
      const name = checkedName(request.params.name, request.body.name);
      const options = { ifMatch: parseIfMatch(request.headers['if-match']), dryRun: request.query.dryRun };
      const written = await writer.replace({ ...request.body, name }, options);
      reply.code(written.created ? 201 : 200);
      return answer(reply, written, view);
    },
  );
}

function replaceAllRoute(app: App, { policies: writer, view }: Deps): void {
  app.patch(
    PATH,
    {
      schema: {
        tags,
        summary: 'Make or replace several policies, all or none of them',
        description: 'One transaction; policies that are not named stay as they are.',
        querystring: writeQuery,
        body: z.strictObject({
          items: z
            .array(networkPolicyInputSchema, { error: 'is not a list of policies' })
            .min(1, { error: 'is empty' })
            .max(MOST_ITEMS, { error: `has more than ${MOST_ITEMS} policies` }),
        }),
        response: { 200: z.object({ items: z.array(policySchema).readonly() }), ...problems },
      },
    },
    async (request, reply) => {
      const written = await writer.replaceAll(request.body.items, request.query.dryRun);
      reply.header(REVISION_HEADER, Math.max(...written.map(({ revision }) => revision)));
      return { items: written.map((one) => objectOf(one, view)) };
    },
  );
}

function deleteRoute(app: App, { policies: writer }: Deps): void {
  app.delete(
    `${PATH}/:name`,
    {
      schema: {
        tags,
        summary: 'Remove a policy',
        description: 'What only it refused is allowed from then on. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    (request, reply) => answerRemoval(request, reply, (name, options) => writer.remove(name, options)),
  );
}

function answer(reply: Headers, written: WrittenPolicy, view: View) {
  const { policy, revision, created } = written;
  reply.header('etag', etag(revision));
  reply.header(REVISION_HEADER, revision);
  if (created) reply.header('location', `${PATH}/${policy.name}`);
  return objectOf(written, view);
}

function objectOf({ policy, revision }: WrittenPolicy, view: View) {
  return policyObject(policy, revision, resolvePeers(policy, peerPlaces(view)), view.tables);
}
