import { Readable } from 'node:stream';
import { readOn } from '@causeway/shared/agent-client/read-on';
import { checkImageName, imageImportQuery, imagePullSchema } from '@causeway/shared/model/image-input';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { App, Deps } from '../deps.ts';
import { etag } from '../if-match.ts';
import { hostFor, type TakeRequest, takeImage } from '../images/take.ts';
import { page } from '../objects/collection.ts';
import { imageObjects, imageSchema } from '../objects/image.ts';
import { deletedSchema, listOf, listQuery, nameParams, problems, writeQuery } from '../objects/schemas.ts';
import { wrongType } from '../problem.ts';
import { answerRemoval, type Headers, REVISION_HEADER } from './answer.ts';

/** Archives are streamed through, however long they are. */
const ARCHIVE = 'application/x-tar';

const takenImage = imageSchema
  .extend({ notes: z.array(z.string()).readonly().describe('What was left out of it, or is odd.') })
  .meta({ id: 'TakenImage' });

export function imageRoutes(app: App, deps: Deps): void {
  readRoutes(app, deps);
  // Nowhere else may a body be a stream.
  app.register(async (own: App) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser(ARCHIVE, (_request, payload, done) => done(null, payload));
    own.addContentTypeParser('*', async (request: FastifyRequest) => {
      throw wrongType(request, ARCHIVE);
    });
    importRoute(own, deps);
  });
  pullRoute(app, deps);
  deleteRoute(app, deps);
}

function readRoutes(app: App, { view }: Deps): void {
  app.get(
    '/v1/images',
    {
      schema: {
        tags: ['images'],
        summary: 'All images, and which hosts hold them',
        querystring: listQuery.omit({ watch: true }),
        response: { 200: listOf(imageSchema), ...problems },
      },
    },
    async (request) => {
      const { part, next } = page(imageObjects(view.tables), ({ name }) => name, request.query);
      return { items: part, revision: view.revision('causeway'), ...next };
    },
  );
}

function importRoute(app: App, deps: Deps): void {
  app.post(
    '/v1/images',
    {
      schema: {
        tags: ['images'],
        summary: 'Import an image from an archive, the body',
        description:
          'A root file system’s tar, an OCI layout’s, or what `docker save` writes; plain, gzip or zstd. ' +
          'A name that another image has moves to this one; containers keep theirs.',
        querystring: imageImportQuery,
        consumes: [ARCHIVE],
        response: { 200: takenImage, 201: takenImage, ...problems },
      },
    },
    async (request, reply) => {
      const { name, host } = request.query;
      const body = request.body instanceof Readable ? request.body : Readable.from([]);
      return readOn(body, (chunks) =>
        take(deps, reply, name, hostFor(deps.view, host), { archive: Readable.from(chunks) }),
      );
    },
  );
}

function pullRoute(app: App, deps: Deps): void {
  app.post(
    '/v1/images/pull',
    {
      schema: {
        tags: ['images'],
        summary: 'Have a host pull an image from a registry',
        description: 'By skopeo, where the host has it.',
        body: imagePullSchema,
        response: { 200: takenImage, 201: takenImage, ...problems },
      },
    },
    async (request, reply) => {
      const { name, host, reference, verifyTls } = request.body;
      return take(deps, reply, name, hostFor(deps.view, host), { reference, verifyTls });
    },
  );
}

async function take(
  { agents, images, chance }: Deps,
  reply: Headers & { code(status: number): unknown },
  name: string,
  host: string,
  what: TakeRequest,
) {
  checkImageName(name);
  const taken = await takeImage(agents, host, what);
  const { image, revision, created } = await images.give(name, taken, chance.now());
  reply.code(created ? 201 : 200);
  reply.header('etag', etag(revision));
  reply.header(REVISION_HEADER, revision);
  return { ...image, hosts: [host], revision, notes: taken.notes };
}

function deleteRoute(app: App, { images }: Deps): void {
  app.delete(
    '/v1/images/:name',
    {
      schema: {
        tags: ['images'],
        summary: 'Take an image’s name back',
        description: 'Refused while a container is made of it. Takes If-Match.',
        params: nameParams,
        querystring: writeQuery,
        response: { 200: deletedSchema, ...problems },
      },
    },
    (request, reply) => answerRemoval(request, reply, (name, options) => images.remove(name, options)),
  );
}
