import { CausewayError, show } from '@causeway/shared/errors';
import type { App, Deps } from '../deps.ts';
import { nodeSchema, nodes } from '../objects/node.ts';
import { listRoute, readRoute } from './reads.ts';

export function nodeRoutes(app: App, deps: Deps): void {
  listRoute(app, deps, {
    path: '/v1/nodes',
    tag: 'nodes',
    summary: 'All hosts',
    collection: nodes,
    schema: nodeSchema,
  });

  readRoute(app, deps, {
    path: '/v1/nodes/:name',
    tag: 'nodes',
    summary: 'One host',
    collection: nodes,
    schema: nodeSchema,
    missing: noHost,
  });
}

function noHost(name: string): CausewayError {
  return new CausewayError('not-found', `there is no host ${show(name)}`, { field: 'name', value: name });
}
