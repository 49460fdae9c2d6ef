import { CONTAINER_STATES, type ContainerSpec, type ContainerStatus } from '@causeway/shared/model/container';
import { z } from 'zod';
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
});

export const containerSchema = z
  .object({
    name: z.string(),
    host: z.string(),
    command: z.array(z.string()).readonly(),
    files: z.record(z.string(), z.string()),
    labels: z.record(z.string(), z.string()).optional().describe('What services select by. Absent: none.'),
    revision,
    status: containerStatus.optional().describe('Absent until its host has said something.'),
  })
  .meta({ id: 'Container' });

export type ContainerObject = z.output<typeof containerSchema>;

export const containers: Collection<'container', ContainerObject> = {
  source: 'causeway',
  kind: 'container',
  also: ['containerStatus'],
  present: (row, id, tables) =>
    containerObject(row.value, row.revision, tables.containerStatus.get(id)?.value),
};

export function containerObject(
  spec: ContainerSpec,
  revision: number,
  status: ContainerStatus | undefined,
): ContainerObject {
  // A status of another host is that of an earlier container of the same name.
  const own = status?.host === spec.host ? status : undefined;
  return { ...spec, revision, ...(own === undefined ? {} : { status: own }) };
}

export const containerStatusSchema = containerStatus.extend({ revision }).meta({ id: 'ContainerStatus' });

/** What hosts say of containers, also of those that are to be removed and still there. */
export const containerStatuses: Collection<'containerStatus', z.output<typeof containerStatusSchema>> = {
  source: 'causeway',
  kind: 'containerStatus',
  also: [],
  present: ({ value, revision }) => ({ ...value, revision }),
};
