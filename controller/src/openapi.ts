import { VERSION } from '@causeway/shared/version';
import swagger, { type SwaggerTransformObject } from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { App } from './deps.ts';

const TAGS = [
  'network',
  'settings',
  'nodes',
  'subnets',
  'services',
  'endpoints',
  'containers',
  'images',
  'workloads',
  'about',
];

/** Serves `/openapi.json`, made from the routes' schemas; must be called before the routes are added. */
export async function openApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Causeway',
        description: 'Hosts, their subnets, containers, and services with stable addresses.',
        version: VERSION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: TAGS.map((name) => ({ name })),
    },
    transform: jsonSchemaTransform,
    transformObject: withoutUnused,
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** Each schema arrives as an input and as an output; what no route refers to is left out. */
const withoutUnused: SwaggerTransformObject = (documentObject) => {
  const whole = jsonSchemaTransformObject(documentObject);
  const schemas = ('components' in whole && whole.components?.schemas) || {};
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(schemas[name as keyof typeof schemas]);
    }
  };
  visit('paths' in whole ? whole.paths : {});
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...whole, components: { schemas: kept } } as typeof whole;
};
