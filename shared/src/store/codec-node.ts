import { z } from 'zod';
import { show } from '../errors.ts';
import { DATAPLANES } from '../model/dataplane.ts';
import { EVENT_KINDS, EVENT_SLOTS, type NodeEvent } from '../model/event.ts';
import { nameSchema } from '../model/input.ts';
import type { NodeAlive, NodeIdentity, NodeRecord, NodeReport } from '../model/node.ts';
import type { NodePolicy, Reservation } from '../model/reservation.ts';
import type { Family } from '../net/family.ts';
import {
  type Decoded,
  decode,
  inItsKey,
  ipAddress,
  ipNetwork,
  nodeId,
  oneLine,
  unreadable,
} from './codec-base.ts';
import { subnetOfKey } from './codec-flannel.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/** Values of the keys that are about hosts. */
const revision = z.number().int().min(0);
/** Of an event's sentence, characters. */
const LONGEST_MESSAGE = 1_000;
const instance = z.string().min(1).max(128);

const nodeFamily = (family: Family) =>
  z.object({
    publicIp: ipAddress(family),
    network: ipNetwork(family),
    subnet: ipNetwork(family).exactOptional(),
  });

const nodeRecord: z.ZodType<NodeRecord> = z
  .object({
    name: nameSchema,
    id: nodeId,
    ipv4: nodeFamily('ipv4').exactOptional(),
    ipv6: nodeFamily('ipv6').exactOptional(),
    addresses: z.array(ipAddress()),
    dataplane: z.enum(DATAPLANES),
    version: z.string(),
  })
  .refine((node) => node.ipv4 !== undefined || node.ipv6 !== undefined, 'has neither ipv4 nor ipv6');

const nodeAlive: z.ZodType<NodeAlive> = z.object({ id: nodeId, instance });

const nodeIdentity: z.ZodType<NodeIdentity> = z.object({
  name: nameSchema,
  instance,
  addresses: z.array(ipAddress()),
});

const peerReport = z.object({
  /** Of a peer whose key names no subnet: what the key has in its place. */
  subnet: z.string().max(300),
  publicIp: z.union([z.literal(''), ipAddress()]),
  node: nameSchema.exactOptional(),
  state: z.enum(['installed', 'failed', 'unreachable']),
  path: z.enum(['direct', 'tunnel']).exactOptional(),
  reason: z.string().exactOptional(),
});

const nodeReport: z.ZodType<NodeReport> = z.object({
  name: nameSchema,
  servicesRevision: revision,
  policiesRevision: revision.exactOptional(),
  networkRevision: revision,
  appliedInMs: z.number(),
  at: z.string(),
  peersWanted: z.number().int().min(0),
  peersInstalled: z.number().int().min(0),
  peers: z.array(peerReport),
  problems: z.array(z.string()),
  repairs: z.number(),
});

const nodeEvent: z.ZodType<NodeEvent> = z.object({
  node: nameSchema,
  sequence: revision,
  at: z.string(),
  kind: z.enum(EVENT_KINDS),
  severity: z.enum(['info', 'warning']),
  message: z.string().transform((text) => oneLine(text, LONGEST_MESSAGE)),
});

const reservation: z.ZodType<Reservation> = z.object({ subnet: ipNetwork(), node: nameSchema });

const nodePolicy: z.ZodType<NodePolicy> = z.object({
  name: nameSchema,
  cordoned: z.boolean(),
  drained: z.boolean(),
});

export const decodeAlive = (kv: KeyValue): Decoded<NodeAlive> => decode(kv, nodeAlive);
export const decodeIdentity = (kv: KeyValue): Decoded<NodeIdentity> => decode(kv, nodeIdentity);
export const decodeNode = (kv: KeyValue): Decoded<NodeRecord> =>
  inItsKey(kv, decode(kv, nodeRecord), (node) => keys.node(node.name));
export const decodeReport = (kv: KeyValue): Decoded<NodeReport> =>
  inItsKey(kv, decode(kv, nodeReport), (report) => keys.report(report.name));
export const decodeEvent = (kv: KeyValue): Decoded<NodeEvent> =>
  inItsKey(kv, decode(kv, nodeEvent), (event) => keys.event(event.node, event.sequence % EVENT_SLOTS));
export const decodeReservation = (kv: KeyValue): Decoded<Reservation> =>
  inItsKey(kv, decode(kv, reservation), ({ subnet }) => keys.reservation(subnet));
export const decodeNodePolicy = (kv: KeyValue): Decoded<NodePolicy> =>
  inItsKey(kv, decode(kv, nodePolicy), (policy) => keys.nodePolicy(policy.name));

/** A claim: which subnet, of either family, and the id of the host that has it. Its value is no JSON. */
export function decodeClaim(kv: KeyValue): Decoded<{ readonly subnet: string; readonly id: string }> {
  const subnet = subnetOfKey(kv.key);
  if (subnet === undefined) return unreadable(kv, 'the key names no subnet');
  const id = nodeId.safeParse(kv.value);
  return id.success ? { subnet, id: id.data } : unreadable(kv, `its value ${show(kv.value)} is not an id`);
}
