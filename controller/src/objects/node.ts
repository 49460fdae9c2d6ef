import { DATAPLANES } from '@causeway/shared/model/dataplane';
import type { NodeRecord, NodeReport } from '@causeway/shared/model/node';
import { z } from 'zod';
import type { Change, Tables } from '../view/tables.ts';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

export const peerReportSchema = z.object({
  subnet: z.string(),
  publicIp: z.string(),
  node: z.string().optional().describe("The peer's host; flannel's own have none."),
  state: z.enum(['installed', 'failed', 'unreachable']),
  path: z.enum(['direct', 'tunnel']).optional(),
  reason: z.string().optional(),
});

const nodeReport = z.object({
  name: z.string(),
  servicesRevision: z.int().describe('The newest revision of services that the kernel holds.'),
  policiesRevision: z.int().optional().describe('The newest revision of policies that the kernel holds.'),
  networkRevision: z.int().describe('The newest revision of the leases that the kernel holds.'),
  appliedInMs: z.number().describe('From the change to the kernel holding it, milliseconds.'),
  at: z.string(),
  peersWanted: z.int().describe("Peers' subnets that the host knows."),
  peersInstalled: z.int().describe('Those of them that its kernel leads to.'),
  peers: z.array(peerReportSchema).readonly().describe('The peers that are not installed.'),
  problems: z.array(z.string()).readonly(),
  repairs: z.int().describe('Drifts repaired since the agent started.'),
});

export const nodeSchema = z
  .object({
    name: z.string(),
    id: z.string(),
    publicIp: z.string().optional().describe('Absent: the host has no IPv4 address on the hosts’ network.'),
    publicIpv6: z.string().optional(),
    addresses: z.array(z.string()).readonly(),
    network: z.string().optional().describe("The network of the host's link, in which no VIP may be."),
    networkIpv6: z.string().optional(),
    subnet: z.string().optional().describe('Absent: the host waits for one, or the network has no IPv4.'),
    subnetIpv6: z.string().optional(),
    dataplane: z.enum(DATAPLANES),
    version: z.string(),
    alive: z.boolean().describe("Whether the host's agent was heard of lately."),
    cordoned: z.boolean().describe('No new containers are placed on it.'),
    drained: z.boolean().describe('Its endpoints have left the services.'),
    reservations: z.array(z.string()).readonly().describe('Subnets that are bound to its name for ever.'),
    report: nodeReport.optional(),
    revision,
  })
  .meta({ id: 'Node' });

export type NodeObject = z.output<typeof nodeSchema>;

/** A host: its own record, whether it is alive, what was decided about it, and what its kernel holds. */
export const nodes: Collection<'node', NodeObject> = {
  source: 'causeway',
  kind: 'node',
  also: ['alive', 'report', 'policy', 'reservation'],
  idsOf: (change) => (change.kind === 'reservation' ? reservedFor(change) : [change.id]),
  present: (row, id, tables) => {
    const alive = tables.alive.get(id);
    const report = tables.report.get(id);
    const policy = tables.policy.get(id);
    const reserved = reservationsOf(tables, id);
    const newest = [alive, report, policy, ...reserved].map((part) => part?.revision ?? 0);
    return {
      ...flat(row.value),
      alive: alive?.value.id === row.value.id,
      cordoned: policy?.value.cordoned ?? false,
      drained: policy?.value.drained ?? false,
      reservations: reserved.map(({ value }) => value.subnet),
      ...(report === undefined ? {} : { report: report.value }),
      revision: Math.max(row.revision, ...newest),
    };
  },
};

/** A node's reservations, by subnet. */
export function reservationsOf(tables: Pick<Tables, 'reservation'>, name: string) {
  return [...tables.reservation.values()]
    .filter(({ value }) => value.node === name)
    .sort((a, b) => (a.value.subnet < b.value.subnet ? -1 : 1));
}

/** What a record says of each family, under a name of its own: IPv4's are those that were there first. */
function flat({ ipv4, ipv6, ...rest }: NodeRecord) {
  return {
    ...rest,
    ...(ipv4 === undefined ? {} : { publicIp: ipv4.publicIp, network: ipv4.network }),
    ...(ipv4?.subnet === undefined ? {} : { subnet: ipv4.subnet }),
    ...(ipv6 === undefined ? {} : { publicIpv6: ipv6.publicIp, networkIpv6: ipv6.network }),
    ...(ipv6?.subnet === undefined ? {} : { subnetIpv6: ipv6.subnet }),
  };
}

function reservedFor(change: Change): readonly string[] {
  if (change.kind !== 'reservation') return [];
  return [change.before?.value.node, change.after?.value.node].flatMap((name) => name ?? []);
}

/** A report's peers that its host's kernel does not lead to. */
export function missingPeers(report: NodeReport) {
  return report.peers.filter(({ state }) => state !== 'installed');
}
