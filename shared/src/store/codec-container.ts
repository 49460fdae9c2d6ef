import { z } from 'zod';
import { CausewayError } from '../errors.ts';
import type { AgentAddress } from '../model/agent-api.ts';
import {
  ATTACH_KINDS,
  type AttachTarget,
  CONTAINER_STATES,
  type ContainerSpec,
  type ContainerStatus,
  type PublishedClaims,
  type PublishedPort,
  RESTART_POLICIES,
} from '../model/container.ts';
import type { NetworkMode } from '../model/container-network.ts';
import type { ImageHolder, ImageRecord } from '../model/image.ts';
import { nameSchema, portSchema } from '../model/input.ts';
import { PROTOCOLS } from '../model/service.ts';
import { type Decoded, decode, inItsKey, ipAddress, unicast, unreadable } from './codec-base.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/** Values of containers, of the images that they are made of, and of the agents that run them. */

const text = z.string().refine((value) => !value.includes('\0'), 'holds a NUL character');
const absolutePath = text.startsWith('/');
const texts = z.record(text, text);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no digest');
const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'is no link-layer address');
const linkName = z.string().regex(/^[\w.:@-]{1,15}$/, 'is no name of a link');
const chosen = {
  address: unicast('ipv4').exactOptional(),
  ipv6Address: unicast('ipv6').exactOptional(),
};

const networkMode: z.ZodType<NetworkMode> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bridge'), ...chosen, mac: mac.exactOptional() }),
  z.object({ kind: z.literal('host') }),
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('container'), container: nameSchema }),
  z.object({
    kind: z.literal('macvlan'),
    device: linkName,
    addresses: z.array(z.string().regex(/^[0-9a-fA-F.:]+\/\d{1,3}$/)).max(2),
    gateways: z.array(unicast()).max(2),
    mac: mac.exactOptional(),
  }),
  z.object({ kind: z.literal('p2p'), peer: nameSchema, ...chosen }),
]);

const attachTarget: z.ZodType<AttachTarget> = z.object({
  kind: z.enum(ATTACH_KINDS),
  id: text.min(1).max(4_096),
});

const publishedPort: z.ZodType<PublishedPort> = z.object({
  address: unicast().exactOptional(),
  hostPort: portSchema,
  containerPort: portSchema,
  protocol: z.enum(PROTOCOLS),
});

const containerSpec: z.ZodType<ContainerSpec> = z.object({
  name: nameSchema,
  host: nameSchema,
  command: z.array(text),
  files: z.record(z.string().startsWith('/'), z.string()),
  labels: z.record(z.string(), z.string()).exactOptional(),
  attach: attachTarget.exactOptional(),
  image: z.object({ name: z.string().min(1).max(255), digest: digest.exactOptional() }).exactOptional(),
  network: networkMode.exactOptional(),
  publish: z.array(publishedPort).exactOptional(),
  env: texts.exactOptional(),
  user: text.min(1).exactOptional(),
  workdir: absolutePath.exactOptional(),
  hostname: text.min(1).max(63).exactOptional(),
  mounts: z
    .array(
      z.object({ source: absolutePath, destination: absolutePath, readOnly: z.boolean().exactOptional() }),
    )
    .exactOptional(),
  cpus: z.number().min(0.01).max(4_096).exactOptional(),
  memoryBytes: z.number().int().positive().exactOptional(),
  userNamespace: z.boolean().exactOptional(),
  restart: z.enum(RESTART_POLICIES).exactOptional(),
  want: z.enum(['running', 'stopped']).exactOptional(),
  stopSeconds: z.number().int().min(0).max(3_600).exactOptional(),
  generation: z.number().int().min(0).exactOptional(),
});

const containerStatus: z.ZodType<ContainerStatus> = z.object({
  name: nameSchema,
  host: nameSchema,
  state: z.enum(CONTAINER_STATES),
  address: ipAddress('ipv4').exactOptional(),
  ipv6Address: ipAddress('ipv6').exactOptional(),
  pid: z.number().int().exactOptional(),
  reason: z.string().exactOptional(),
  exitCode: z.number().int().exactOptional(),
  startedAt: z.string().exactOptional(),
  restarts: z.number().int().exactOptional(),
});

const publishedClaims: z.ZodType<PublishedClaims> = z.object({
  holders: z.array(z.object({ container: nameSchema, host: nameSchema, address: unicast().exactOptional() })),
});

const imageRecord: z.ZodType<ImageRecord> = z.object({
  name: z.string().min(1).max(255),
  digest,
  size: z.number().int().min(0),
  createdAt: z.string(),
});

const imageHolder: z.ZodType<ImageHolder> = z.object({ node: nameSchema, digests: z.array(digest) });

const agentAddress: z.ZodType<AgentAddress> = z.object({
  node: nameSchema,
  address: ipAddress(),
  port: portSchema,
  key: z.string().regex(/^[0-9a-f]{64}$/, 'is no key'),
});

export const decodeContainer = (kv: KeyValue): Decoded<ContainerSpec> =>
  inItsKey(kv, decode(kv, containerSpec), (container) => keys.container(container.name));
export const decodeContainerStatus = (kv: KeyValue): Decoded<ContainerStatus> =>
  inItsKey(kv, decode(kv, containerStatus), (status) => keys.containerStatus(status.name));
export const decodePublished = (kv: KeyValue): Decoded<PublishedClaims> => decode(kv, publishedClaims);
export const decodeImage = (kv: KeyValue): Decoded<ImageRecord> =>
  inItsKey(kv, decode(kv, imageRecord), (image) => keys.image(image.name));
export const decodeImageHolder = (kv: KeyValue): Decoded<ImageHolder> =>
  inItsKey(kv, decode(kv, imageHolder), (holder) => keys.imageHolder(holder.node));
/** What is wrong with it is not said: the sentence would repeat a part of the key. */
export const decodeAgent = (kv: KeyValue): Decoded<AgentAddress> => {
  const agent = inItsKey(kv, decode(kv, agentAddress), ({ node }) => keys.agent(node));
  if (!(agent instanceof CausewayError)) return agent;
  const { key, storedKey = key } = kv;
  return unreadable({ ...kv, storedKey, value: '' }, "it is no agent's address and key");
};
