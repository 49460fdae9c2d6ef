import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { z } from 'zod';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

const peerReport = z.object({
  subnet: z.string(),
  publicIp: z.string(),
  state: z.enum(['installed', 'failed', 'unreachable']),
  reason: z.string().optional(),
});

const nodeReport = z.object({
  name: z.string(),
  servicesRevision: z.int().describe('The newest revision of services that the kernel holds.'),
  networkRevision: z.int().describe('The newest revision of the leases that the kernel holds.'),
  appliedInMs: z.number().describe('From the change to the kernel holding it, milliseconds.'),
  at: z.string(),
  peers: z.array(peerReport).readonly(),
  problems: z.array(z.string()).readonly(),
  repairs: z.int().describe('Drifts repaired since the agent started.'),
});

export const nodeSchema = z
  .object({
    name: z.string(),
    id: z.string(),
    publicIp: z.string(),
    addresses: z.array(z.string()).readonly(),
    network: z.string().optional().describe("The network of the host's link, in which no VIP may be."),
    subnet: z.string(),
    dataplane: z.enum(DATAPLANES),
    version: z.string(),
    alive: z.boolean().describe("Whether the host's agent was heard of lately."),
    report: nodeReport.optional(),
    revision,
  })
  .meta({ id: 'Node' });

/** A host: its own record, whether it is alive, and what its kernel holds. */
export const nodes: Collection<'node', z.output<typeof nodeSchema>> = {
  source: 'causeway',
  kind: 'node',
  also: ['alive', 'report'],
  present: (row, id, tables) => {
    const alive = tables.alive.get(id);
    const report = tables.report.get(id);
    return {
      ...row.value,
      alive: alive?.value.id === row.value.id,
      ...(report === undefined ? {} : { report: report.value }),
      revision: Math.max(row.revision, alive?.revision ?? 0, report?.revision ?? 0),
    };
  },
};
