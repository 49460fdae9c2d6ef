import { z } from 'zod';
import {
  ATTACH_ERROR,
  MOUNT_ERROR,
  PUBLISH_ERROR,
  parseAttachText,
  parseMountText,
  parsePublishText,
} from '../container-text.ts';
import { show } from '../errors.ts';
import { ATTACH_KINDS, RESTART_POLICIES } from './container.ts';
import { networkInputSchema } from './container-network-input.ts';
import { nameSchema, portSchema } from './input.ts';
import { labelsSchema } from './labels-input.ts';
import { PROTOCOLS } from './service.ts';

/** Most bytes of all files of a container together; they travel through etcd. */
export const MAX_FILES_BYTES = 256 * 1024;
/** Least that a process of the runtime's own gets started with. */
export const MIN_MEMORY_BYTES = 6 * 1024 * 1024;
/** Most ports that one container publishes: each is a guard and a write of the transaction that makes it. */
export const MAX_PUBLISHED = 32;
const MAX_ARGUMENTS = 256;
const MAX_ARGUMENT = 16 * 1024;
const MAX_VARIABLES = 256;
const MAX_VARIABLE_NAME = 256;
const MAX_MOUNTS = 64;
const FILES_ERROR = 'is not an object of file contents by absolute path';
const ENV_ERROR = 'is not an object of texts such as {"COLOUR":"blue"}';
const CPUS_ERROR = 'is not a number of processors: 0.01 to 4096 are possible, 0.5 is half of one';
const MEMORY_ERROR = `is not a limit: a whole number of bytes, ${MIN_MEMORY_BYTES} (6 MiB) at least, is needed`;
const STOP_ERROR = 'is not a time: a whole number of seconds from 0 to 3600 is needed';
const USER_ERROR =
  'is not a user: a name or a number, with or without a group, such as "1000:100" or "nobody"';
const HOSTNAME_ERROR =
  'is not a host name: 1 to 63 letters, digits, hyphens and dots, with a letter or digit at both ends of each part';
const IMAGE_ERROR = 'is not an image: a name such as "busybox" or "web:2" is needed';

const USER_PART = '(?:[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31}\\$?)';
const USER = new RegExp(`^${USER_PART}(?::${USER_PART})?$`);
/** The largest number means nobody to the kernel. */
const MAX_ID = 4_294_967_294;
const HOSTNAME =
  /^(?=.{1,63}$)[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?)*$/;
const IMAGE = /^[A-Za-z0-9](?:[\w.:/@-]{0,253}[\w])?$/;

/** Text that a process can be given: no NUL. */
const plainText = (error: string) =>
  z.string({ error }).refine((text) => !text.includes('\0'), { error: 'holds a NUL character' });

const truth = z.boolean({ error: 'is neither true nor false' });
const oneOf = <const T extends readonly string[]>(values: T, what: string) =>
  z.enum(values, { error: `is not ${what}: ${values.join(', ')} are known` });

const PATH_ERROR = 'is not an absolute path';
const pathText = plainText(PATH_ERROR)
  .max(1_024, { error: 'is longer than a path can be' })
  .startsWith('/', { error: PATH_ERROR });

/** A text in its short form. */
const short = <T>(parse: (text: string) => T | undefined, error: string) =>
  z.string({ error }).transform((text, context): T => {
    const parsed = parse(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });

const publishInput = z
  .union(
    [
      short(parsePublishText, PUBLISH_ERROR),
      z.strictObject({
        address: z.string({ error: 'is not an address' }).optional(),
        hostPort: portSchema,
        containerPort: portSchema,
        protocol: oneOf(PROTOCOLS, 'a protocol').default('tcp'),
      }),
    ],
    { error: PUBLISH_ERROR },
  )
  .describe('`[ADDRESS:]PORT:PORT[/udp]`: of the host, then of the container.');

const mountInput = z
  .union(
    [
      short(parseMountText, MOUNT_ERROR),
      z.strictObject({ source: pathText, destination: pathText, readOnly: truth.optional() }),
    ],
    { error: MOUNT_ERROR },
  )
  .describe('`SOURCE:DESTINATION[:ro]`: of the host, then in the container.');

const attachInput = z
  .union(
    [
      short(parseAttachText, ATTACH_ERROR),
      z.strictObject({
        kind: oneOf(ATTACH_KINDS, 'a kind'),
        id: plainText(ATTACH_ERROR).min(1, { error: 'is empty' }).max(4_096, { error: 'is too long' }),
      }),
    ],
    { error: ATTACH_ERROR },
  )
  .describe('`docker:NAME`, `containerd:[NAMESPACE/]ID`, `pid:PID`, `netns:PATH`.');

export const imageName = z.string({ error: IMAGE_ERROR }).regex(IMAGE, { error: IMAGE_ERROR });
const imageInput = z
  .union(
    [
      imageName.transform((name): { name: string; digest?: string | undefined } => ({ name })),
      z.strictObject({
        name: imageName,
        digest: z
          .string({ error: 'is not a digest' })
          .regex(/^sha256:[0-9a-f]{64}$/, { error: 'is not a digest such as "sha256:…"' })
          .optional(),
      }),
    ],
    { error: IMAGE_ERROR },
  )
  .describe('A name that the cluster knows. Absent: `busybox`, made from the host’s own.');

const envInput = z
  .record(z.string(), plainText('is not text').max(MAX_ARGUMENT, { error: 'is too long' }), {
    error: ENV_ERROR,
  })
  .superRefine((env, context) => {
    const names = Object.keys(env);
    const wrong = names.find((name) => !/^[^=\0]+$/.test(name) || name.length > MAX_VARIABLE_NAME);
    if (wrong !== undefined)
      context.addIssue({
        code: 'custom',
        message: `has ${show(wrong)}, which is not a variable's name: no "=" and no NUL, 1 to ${MAX_VARIABLE_NAME} characters`,
      });
    if (names.length > MAX_VARIABLES)
      context.addIssue({ code: 'custom', message: `has more than ${MAX_VARIABLES} variables` });
  });

const userInput = z
  .string({ error: USER_ERROR })
  .regex(USER, { error: USER_ERROR })
  .refine((text) => text.split(':').every((part) => !/^\d+$/.test(part) || Number(part) <= MAX_ID), {
    error: `has a number above ${MAX_ID}, the largest that a user or a group has`,
  });

/** What a user sends to start a container. Rules that need to know the cluster are the controller's. */
export const containerInputSchema = z
  .strictObject({
    name: nameSchema.describe('Unique in the cluster, among workloads, too.'),
    host: nameSchema.describe('The host that runs it.'),
    command: z
      .array(
        plainText('is not text').max(MAX_ARGUMENT, { error: `is longer than ${MAX_ARGUMENT} characters` }),
        { error: 'is not a list of texts: a program and its arguments are needed' },
      )
      .max(MAX_ARGUMENTS, { error: `has more than ${MAX_ARGUMENTS} parts` })
      .default([])
      .describe("Program and arguments, behind the image's entry point. Empty: the image's own."),
    files: z
      .record(z.string(), plainText('is not text'), { error: FILES_ERROR })
      .default({})
      .describe("Text files put into the container's root, by absolute path."),
    labels: labelsSchema.default({}).describe('What services and policies select by.'),
    attach: attachInput.optional(),
    image: imageInput.optional(),
    network: networkInputSchema.optional().describe('Absent: a port of the bridge.'),
    publish: z
      .array(publishInput, { error: 'is not a list of published ports' })
      .max(MAX_PUBLISHED, { error: `has more than ${MAX_PUBLISHED} ports` })
      .default([])
      .describe('Ports of its host that lead to it.'),
    env: envInput.default({}).describe("Beside the image's own, which these go before."),
    user: userInput.optional().describe("`1000`, `1000:100`, `www-data`. Absent: the image's."),
    workdir: pathText.optional().describe("Absent: the image's."),
    hostname: z
      .string({ error: HOSTNAME_ERROR })
      .regex(HOSTNAME, { error: HOSTNAME_ERROR })
      .optional()
      .describe("Absent: the container's name."),
    mounts: z
      .array(mountInput, { error: 'is not a list of mounts' })
      .max(MAX_MOUNTS, { error: `has more than ${MAX_MOUNTS} mounts` })
      .default([]),
    cpus: z
      .number({ error: CPUS_ERROR })
      .min(0.01, { error: CPUS_ERROR })
      .max(4_096, { error: CPUS_ERROR })
      .optional()
      .describe('Processors: 0.5 is half of one. Absent: no limit.'),
    memoryBytes: z
      .number({ error: MEMORY_ERROR })
      .int({ error: MEMORY_ERROR })
      .min(MIN_MEMORY_BYTES, { error: MEMORY_ERROR })
      .optional()
      .describe('Absent: no limit.'),
    userNamespace: truth.default(false).describe('Root inside is nobody outside.'),
    restart: oneOf(RESTART_POLICIES, 'a restart policy')
      .optional()
      .describe('When it ends by itself. Absent: `always`.'),
    stopSeconds: z
      .number({ error: STOP_ERROR })
      .int({ error: STOP_ERROR })
      .min(0, { error: STOP_ERROR })
      .max(3_600, { error: STOP_ERROR })
      .optional()
      .describe('From SIGTERM to SIGKILL when it is stopped. Absent: 10.'),
  })
  .meta({ id: 'ContainerDefinition' });

export type ContainerInput = z.input<typeof containerInputSchema>;
export type ParsedContainerInput = z.output<typeof containerInputSchema>;
