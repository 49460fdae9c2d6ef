import { EVENT_KINDS } from '@causeway/shared/model/event';
import { z } from 'zod';
import { peerReportSchema } from './node.ts';

const eventCountSchema = z.object({
  warnings: z.int(),
  infos: z.int(),
  kinds: z.partialRecord(z.enum(EVENT_KINDS), z.int()),
});

export type EventCount = z.output<typeof eventCountSchema>;

export const hostStatusSchema = z
  .object({
    name: z.string(),
    state: z.enum(['alive', 'dead', 'unknown']).describe('Unknown: etcd is away.'),
    alive: z.boolean(),
    lastWordSeconds: z
      .number()
      .optional()
      .describe('Age of its last word to etcd, at most; absent: not known.'),
    goneSeconds: z
      .number()
      .optional()
      .describe('Since when its sign of life is gone; absent: it is there, or nobody saw it go.'),
    publicIp: z.string().optional(),
    publicIpv6: z.string().optional(),
    subnet: z.string().optional(),
    subnetIpv6: z.string().optional(),
    leaseLeftSeconds: z.number().optional().describe('Until its subnets are free if nothing more is heard.'),
    reservations: z.array(z.string()).readonly(),
    dataplane: z.string(),
    cordoned: z.boolean(),
    drained: z.boolean(),
    waiting: z.array(z.string()).readonly().describe('Why it has no subnet, one sentence per family.'),
    lag: z.int().optional().describe('Services that its kernel does not hold yet; absent: no report.'),
    pendingRevision: z.int().optional().describe("The network's revision that its kernel does not hold yet."),
    networkRevision: z.int().optional(),
    appliedInMs: z.number().optional(),
    peers: z
      .object({
        wanted: z.int(),
        installed: z.int(),
        missing: z.array(peerReportSchema).readonly().describe('Those that are not installed, and why.'),
      })
      .optional()
      .describe('Absent: no report.'),
    problems: z.array(z.string()).readonly(),
    repairs: z.int().optional(),
    events: eventCountSchema.describe('In the last hour.'),
    reportedAt: z.string().optional(),
  })
  .meta({ id: 'HostStatus' });

export type HostStatus = z.output<typeof hostStatusSchema>;

const emptyServiceSchema = z.object({
  name: z.string(),
  broken: z.boolean().describe('It names targets, and none of them runs.'),
  unresolved: z.array(z.string()).readonly(),
});

export const statusSchema = z
  .object({
    ready: z.boolean().describe('Whether the controller can do its work.'),
    faults: z.array(z.string()).readonly().describe('What keeps it from that.'),
    etcd: z.object({
      ok: z.boolean(),
      reason: z.string().optional(),
      lastWordSeconds: z.number().optional(),
    }),
    network: z
      .object({
        ipv4: z.string().optional(),
        ipv6: z.string().optional(),
        backend: z.string(),
        revision: z.int().describe('Of the newest change of the configuration or a lease.'),
        refused: z.string().optional(),
      })
      .optional(),
    hosts: z.array(hostStatusSchema).readonly(),
    services: z.object({ count: z.int(), withoutEndpoints: z.array(emptyServiceSchema).readonly() }),
    unreadable: z.array(z.string()).readonly().describe('Keys in etcd that do not parse.'),
    events: eventCountSchema.describe('Of all hosts, in the last hour.'),
    degraded: z.array(z.string()).readonly().describe('Sentences; empty: all is well.'),
  })
  .meta({ id: 'Status' });

export type ClusterStatusObject = z.output<typeof statusSchema>;
export type EmptyService = z.output<typeof emptyServiceSchema>;
