import { VERSION } from '@causeway/shared/version';
import type { Route } from './routes.ts';

/** Whether this agent answers, and which one it is. */
export function pingRoute(node: string): Route {
  return { method: 'GET', path: '/v1/ping', handle: async () => ({ json: { node, version: VERSION } }) };
}
