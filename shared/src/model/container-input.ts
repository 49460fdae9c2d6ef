import { z } from 'zod';
import { nameSchema } from './input.ts';
import { labelsSchema } from './labels-input.ts';

/** Most bytes of all files of a container together; they travel through etcd. */
export const MAX_FILES_BYTES = 256 * 1024;
const MAX_ARGUMENTS = 256;
const MAX_ARGUMENT = 16 * 1024;
const FILES_ERROR = 'is not an object of file contents by absolute path';

/** Text that a process can be given: no NUL. */
const plainText = (error: string) =>
  z.string({ error }).refine((text) => !text.includes('\0'), { error: 'holds a NUL character' });

/** What a user sends to start a container. Rules that need to know the cluster are the controller's. */
export const containerInputSchema = z
  .strictObject({
    name: nameSchema.describe('Unique in the cluster.'),
    host: nameSchema.describe('The host that runs it.'),
    command: z
      .array(
        plainText('is not text').max(MAX_ARGUMENT, { error: `is longer than ${MAX_ARGUMENT} characters` }),
        {
          error: 'is not a list of texts: a program and its arguments are needed',
        },
      )
      .min(1, { error: 'is empty: a program is needed' })
      .max(MAX_ARGUMENTS, { error: `has more than ${MAX_ARGUMENTS} parts` })
      .describe("Program and arguments, run in an image made from the host's static busybox."),
    files: z
      .record(z.string(), plainText('is not text'), { error: FILES_ERROR })
      .default({})
      .describe("Text files put into the container's root, by absolute path."),
    labels: labelsSchema.default({}).describe('What services select by.'),
  })
  .meta({ id: 'ContainerDefinition' });

export type ContainerInput = z.input<typeof containerInputSchema>;
export type ParsedContainerInput = z.output<typeof containerInputSchema>;
