import { z } from 'zod';
import { invalid } from '../errors.ts';
import { imageName } from './container-input.ts';
import { BUILT_IN_IMAGE } from './image.ts';
import { nameSchema } from './input.ts';

const REFERENCE_ERROR = 'is neither docker://NAME[:TAG] nor oci:FOLDER[:TAG]';

/** What `POST /v1/images` takes in its query; its body is the archive. */
export const imageImportQuery = z.strictObject({
  name: imageName.describe('`web`, `web:2`: a name that another image has moves to this one.'),
  host: nameSchema.optional().describe('The host that takes it. Absent: any.'),
});

/** What `POST /v1/images/pull` takes. */
export const imagePullSchema = z
  .strictObject({
    name: imageName,
    host: nameSchema.optional().describe('The host that pulls it, by its skopeo. Absent: any.'),
    reference: z
      .string({ error: REFERENCE_ERROR })
      .max(1_000, { error: 'is too long' })
      .regex(/^(?:docker:\/\/|oci:)[\x21-\x7e]+$/, { error: REFERENCE_ERROR })
      .describe('As skopeo takes it: `docker://registry.example/web:2`, `oci:/srv/layout:web`.'),
    verifyTls: z.boolean().default(true).describe('False: a registry without TLS will do.'),
  })
  .meta({ id: 'ImagePull' });
export type ImagePull = z.input<typeof imagePullSchema>;

/** @throws CausewayError `invalid` for the name that no image can be given */
export function checkImageName(name: string): void {
  if (name === BUILT_IN_IMAGE)
    throw invalid('name', name, 'is the built-in image’s, which every host makes of its own busybox');
}
