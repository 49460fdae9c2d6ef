import type { App, Deps } from '../deps.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { problems, writeQuery } from '../objects/schemas.ts';
import { settingsInputSchema, settingsSchema } from '../objects/settings.ts';
import { settingsObject } from '../settings-writer.ts';
import { CHANGED_HEADER, REVISION_HEADER } from './answer.ts';

export const SETTINGS_PATH = '/v1/settings';

export function settingsRoutes(app: App, deps: Deps): void {
  readRoute(app, deps);
  setRoute(app, deps);
}

function readRoute(app: App, { view }: Deps): void {
  app.get(
    SETTINGS_PATH,
    {
      schema: {
        tags: ['settings'],
        summary: 'Where VIPs are given out, and where NodePorts are served',
        response: { 200: settingsSchema, ...problems },
      },
    },
    async (_request, reply) => {
      const settings = settingsObject(view.tables);
      reply.header('etag', etag(settings.revision));
      return settings;
    },
  );
}

function setRoute(app: App, { settings: writer }: Deps): void {
  app.patch(
    SETTINGS_PATH,
    {
      schema: {
        tags: ['settings'],
        summary: 'Change parts of the settings',
        description:
          'What is left out stays. A range that would leave out a VIP or a NodePort which was given out of it is a 409. Takes If-Match.',
        querystring: writeQuery,
        body: settingsInputSchema,
        response: { 200: settingsSchema, ...problems },
      },
    },
    async (request, reply) => {
      const ifMatch = parseIfMatch(request.headers['if-match']);
      const { dryRun } = request.query;
      const { settings, changed, revision } = await writer.set(request.body, { ifMatch, dryRun });
      reply.header('etag', etag(settings.revision));
      reply.header(REVISION_HEADER, revision);
      reply.header(CHANGED_HEADER, String(changed));
      return settings;
    },
  );
}
