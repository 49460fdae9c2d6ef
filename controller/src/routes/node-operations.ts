import type { App, Deps } from '../deps.ts';
import type { Decision } from '../nodes/node-writer.ts';
import {
  type NodePlan,
  nodePlanSchema,
  releaseInputSchema,
  reserveInputSchema,
} from '../objects/node-operation.ts';
import { nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { type Headers, REVISION_HEADER } from './answer.ts';

const ANSWER = { 200: nodePlanSchema, ...problems };

/** What operators decide about hosts. Every one of these may be repeated: what is so already stays. */
export function nodeOperationRoutes(app: App, deps: Deps): void {
  reserveRoute(app, deps);
  releaseRoute(app, deps);
  decisionRoute(app, deps, 'cordon', 'Place no new containers on a host');
  decisionRoute(app, deps, 'drain', 'Cordon a host and take its endpoints out of all services');
  decisionRoute(app, deps, 'uncordon', 'Use a host again, for containers and for services');
}

function reserveRoute(app: App, { nodes }: Deps): void {
  app.post(
    '/v1/nodes/:name/reserve',
    {
      schema: {
        tags: ['nodes'],
        summary: 'Bind subnets to a host for ever',
        description: 'Those that are named, or else those that it leases. No other host takes them again.',
        params: nameParams,
        querystring: writeQuery,
        body: reserveInputSchema,
        response: ANSWER,
      },
    },
    async (request, reply) =>
      answer(reply, await nodes.reserve(request.params.name, request.body, request.query.dryRun)),
  );
}

function releaseRoute(app: App, { nodes }: Deps): void {
  app.post(
    '/v1/nodes/:name/release',
    {
      schema: {
        tags: ['nodes'],
        summary: 'Let go of the subnets that are reserved for a host',
        params: nameParams,
        querystring: writeQuery,
        body: releaseInputSchema,
        response: ANSWER,
      },
    },
    async (request, reply) => {
      const { lease = false } = request.body;
      return answer(reply, await nodes.release(request.params.name, lease, request.query.dryRun));
    },
  );
}

function decisionRoute(app: App, { nodes }: Deps, decision: Decision, summary: string): void {
  app.post(
    `/v1/nodes/:name/${decision}`,
    { schema: { tags: ['nodes'], summary, params: nameParams, querystring: writeQuery, response: ANSWER } },
    async (request, reply) => {
      const { params, query } = request as { params: { name: string }; query: { dryRun: boolean } };
      return answer(reply, await nodes.decide(params.name, decision, query.dryRun));
    },
  );
}

function answer(reply: Headers, plan: NodePlan): NodePlan {
  reply.header(REVISION_HEADER, plan.revision);
  return plan;
}
