import {
  ATTACH_KINDS,
  CONTAINER_STATES,
  type ContainerSpec,
  type ContainerStatus,
  RESTART_POLICIES,
} from '@causeway/shared/model/container';
import { PROTOCOLS } from '@causeway/shared/model/service';
import { z } from 'zod';
import type { Stored } from '../view/tables.ts';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

const containerStatus = z.object({
  name: z.string(),
  host: z.string(),
  state: z.enum(CONTAINER_STATES),
  address: z.string().optional(),
  ipv6Address: z.string().optional(),
  pid: z.int().optional(),
  reason: z.string().optional(),
  exitCode: z.int().optional().describe('Of the last process, once one has ended; 128 + N for a signal.'),
  startedAt: z.string().optional().describe('Of the last start.'),
  restarts: z.int().optional().describe('Starts since it was made, but the first.'),
});

const addressFields = { address: z.string().optional(), ipv6Address: z.string().optional() };
const mac = z.string().optional();

const networkMode = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bridge'), ...addressFields, mac }),
  z.object({ kind: z.literal('host') }),
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('container'), container: z.string() }),
  z.object({
    kind: z.literal('macvlan'),
    device: z.string(),
    addresses: z.array(z.string()).readonly(),
    gateways: z.array(z.string()).readonly(),
    mac,
  }),
  z.object({ kind: z.literal('p2p'), peer: z.string(), ...addressFields }),
]);

const publishedPort = z.object({
  address: z.string().optional().describe('Absent: all of the host’s but loopback.'),
  hostPort: z.int(),
  containerPort: z.int(),
  protocol: z.enum(PROTOCOLS),
});

export const containerSchema = z
  .object({
    name: z.string(),
    host: z.string(),
    command: z.array(z.string()).readonly(),
    files: z.record(z.string(), z.string()),
    labels: z.record(z.string(), z.string()).optional().describe('What services select by. Absent: none.'),
    attach: z
      .object({ kind: z.enum(ATTACH_KINDS), id: z.string() })
      .optional()
      .describe('Somebody else’s container, which gets its network from us.'),
    image: z
      .object({ name: z.string(), digest: z.string().optional() })
      .optional()
      .describe('Absent: the built-in `busybox`. The digest is what the name meant when it was made.'),
    network: networkMode.optional().describe('Absent: a port of the bridge.'),
    publish: z.array(publishedPort).readonly().optional(),
    env: z.record(z.string(), z.string()).optional(),
    user: z.string().optional(),
    workdir: z.string().optional(),
    hostname: z.string().optional(),
    mounts: z
      .array(z.object({ source: z.string(), destination: z.string(), readOnly: z.boolean().optional() }))
      .readonly()
      .optional(),
    cpus: z.number().optional(),
    memoryBytes: z.int().optional(),
    userNamespace: z.boolean().optional(),
    restart: z.enum(RESTART_POLICIES).optional().describe('Absent: `always`.'),
    want: z.enum(['running', 'stopped']).optional().describe('Absent: `running`.'),
    stopSeconds: z.int().optional(),
    generation: z.int().optional().describe('How often it was started again.'),
    revision,
    status: containerStatus
      .extend({ revision: z.int().describe('Of what its host says.') })
      .optional()
      .describe('Absent until its host has said something.'),
  })
  .meta({ id: 'Container' });

export type ContainerObject = z.output<typeof containerSchema>;

export const containers: Collection<'container', ContainerObject> = {
  source: 'causeway',
  kind: 'container',
  also: ['containerStatus'],
  present: (row, id, tables) => containerObject(row.value, row.revision, tables.containerStatus.get(id)),
};

export function containerObject(
  spec: ContainerSpec,
  revision: number,
  status: Stored<ContainerStatus> | undefined,
): ContainerObject {
  // A status of another host is that of an earlier container of the same name.
  const own = status?.value.host === spec.host ? status : undefined;
  return {
    ...spec,
    revision,
    ...(own === undefined ? {} : { status: { ...own.value, revision: own.revision } }),
  };
}

export const containerStatusSchema = containerStatus.extend({ revision }).meta({ id: 'ContainerStatus' });

/** What hosts say of containers, also of those that are to be removed and still there. */
export const containerStatuses: Collection<'containerStatus', z.output<typeof containerStatusSchema>> = {
  source: 'causeway',
  kind: 'containerStatus',
  also: [],
  present: ({ value, revision }) => ({ ...value, revision }),
};
