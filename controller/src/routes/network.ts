import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import type { NetworkWritten } from '../network/network-writer.ts';
import { networkObject } from '../network/present.ts';
import { type NetworkObject, networkSchema } from '../objects/network.ts';
import { confirmInputSchema, networkInputSchema } from '../objects/network-input.ts';
import { flag, problems, writeQuery } from '../objects/schemas.ts';
import { CHANGED_HEADER, type Headers, REVISION_HEADER } from './answer.ts';

export const NETWORK_PATH = '/v1/network';

const setQuery = writeQuery.extend({
  renumber: flag.describe('Hosts may be given other subnets; their containers are interrupted.'),
});

export function networkRoutes(app: App, deps: Deps): void {
  readRoute(app, deps);
  setRoute(app, deps);
  confirmRoute(app, deps);
}

function readRoute(app: App, { view }: Deps): void {
  app.get(
    NETWORK_PATH,
    {
      schema: {
        tags: ['network'],
        summary: "The network's configuration that hosts follow",
        description:
          'And, as `refused`, one in etcd that waits to be confirmed, because it would renumber hosts.',
        response: { 200: networkSchema, ...problems },
      },
    },
    async (_request, reply) => {
      const network = networkObject(view.tables);
      reply.header('etag', etag(network.revision));
      return network;
    },
  );
}

function setRoute(app: App, { network: writer }: Deps): void {
  app.patch(
    NETWORK_PATH,
    {
      schema: {
        tags: ['network'],
        summary: 'Change parts of the configuration',
        description:
          'What is left out stays. A change that gives hosts other subnets is a 409 that names them, unless `renumber`. Takes If-Match.',
        querystring: setQuery,
        body: networkInputSchema,
        response: { 200: networkSchema, ...problems },
      },
    },
    async (request, reply) => {
      const { dryRun, renumber } = request.query;
      const ifMatch = parseIfMatch(request.headers['if-match']);
      return answer(reply, await writer.set(request.body, { ifMatch, dryRun, renumber }));
    },
  );
}

function confirmRoute(app: App, { network: writer }: Deps): void {
  app.post(
    `${NETWORK_PATH}/confirm`,
    {
      schema: {
        tags: ['network'],
        summary: 'Let hosts follow the configuration that would renumber them',
        description: 'With a fingerprint only that one, so that nothing else is confirmed by mistake.',
        querystring: writeQuery,
        body: confirmInputSchema,
        response: { 200: networkSchema, ...problems },
      },
    },
    async (request, reply) => {
      const ifMatch = parseIfMatch(request.headers['if-match']);
      const { fingerprint } = request.body;
      return answer(reply, await writer.confirm(fingerprint, { ifMatch, dryRun: request.query.dryRun }));
    },
  );
}

function answer(reply: Headers, { network, changed, revision }: NetworkWritten): NetworkObject {
  reply.header('etag', etag(network.revision));
  reply.header(REVISION_HEADER, revision);
  reply.header(CHANGED_HEADER, String(changed));
  return network;
}
