import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CausewayError, invalid } from '../errors.ts';

/**
 * Documents of the OCI image specification 1.1, and of Docker's archives, as far as they are used here. What they hold
 * beside that is kept where a document is kept, since its digest is of all of it.
 */

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const digest = z.string().regex(DIGEST, 'is no sha256 digest');
const size = z.number().int().min(0);

const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size,
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Descriptor = z.output<typeof descriptor>;

/** `index.json` of a layout, or a blob that names a manifest for each platform. */
const index = z.object({ manifests: z.array(descriptor).min(1) });
const manifest = z.object({ config: descriptor, layers: z.array(descriptor) });

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const text = z
  .string()
  .nullish()
  .transform((word) => word || undefined);
const config = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  config: z
    .object({
      Entrypoint: texts,
      Cmd: texts,
      Env: texts,
      User: text,
      WorkingDir: text,
      StopSignal: text,
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(digest) }),
});
export type ImageDocument = z.output<typeof config>;

/** `manifest.json` of what `docker save` writes. */
const dockerArchive = z
  .array(
    z.object({
      Config: z.string().min(1),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string().min(1)),
    }),
  )
  .min(1);

export const INDEX_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

export const parseIndex = (json: string, what: string) => parse(index, json, what);
export const parseManifest = (json: string, what: string) => parse(manifest, json, what);
export const parseImageDocument = (json: string, what: string) => parse(config, json, what);
export const parseDockerArchive = (json: string, what: string) => parse(dockerArchive, json, what);

function parse<T>(schema: z.ZodType<T>, json: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new CausewayError('invalid', `${what} is not JSON`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join('.') || 'the document';
  const isMissing = issue?.code === 'invalid_type' && issue.message.endsWith('received undefined');
  const told = isMissing ? `${where} is missing` : `${where}: ${issue?.message ?? 'is not as specified'}`;
  throw new CausewayError('invalid', `${what}: ${told}`);
}

/** @throws CausewayError `invalid` when it is none of SHA-256 */
export function digestOf(value: string): string {
  if (!DIGEST.test(value)) throw invalid('digest', value, 'is no digest: "sha256:" and 64 hex digits');
  return value;
}

/** Of a whole content. */
export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** The specification's name of a layer on top of those below it: each layer's, the lowest first. */
export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chains: string[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chains;
}
