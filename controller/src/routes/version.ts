import { VERSION } from '@causeway/shared/version';
import { z } from 'zod';
import type { App } from '../deps.ts';

export function versionRoutes(app: App): void {
  app.get(
    '/version',
    {
      schema: {
        tags: ['about'],
        summary: "The controller's version",
        response: {
          200: z.object({ name: z.string(), version: z.string(), api: z.string(), node: z.string() }),
        },
      },
    },
    () => ({ name: 'causeway-controller', version: VERSION, api: 'v1', node: process.version }),
  );
}
