import { z } from 'zod';
import type { AgentAddress } from '../model/agent-api.ts';
import type { ContainerSpec, ContainerStatus, PublishedClaims } from '../model/container.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { NodeEvent } from '../model/event.ts';
import type { HealthRecord } from '../model/health.ts';
import type { ImageHolder, ImageRecord } from '../model/image.ts';
import { portSchema } from '../model/input.ts';
import type { NetworkPolicy, PolicyPeerSet } from '../model/network-policy.ts';
import type { NodeAlive, NodeIdentity, NodeRecord, NodeReport } from '../model/node.ts';
import type { NodePolicy, Reservation } from '../model/reservation.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Settings } from '../model/settings.ts';
import type { Workload } from '../model/workload.ts';
import { anyNetwork, type Decoded, decode, unicastNetwork } from './codec-base.ts';
import type { KeyValue } from './store.ts';

export { type Decoded, unreadable } from './codec-base.ts';
export * from './codec-container.ts';
export * from './codec-node.ts';
export * from './codec-policy.ts';
export * from './codec-service.ts';

/** Values of our own keys: those of settings here. */

const settings: z.ZodType<Settings> = z
  .object({
    serviceRange: unicastNetwork('ipv4'),
    serviceRangeIpv6: unicastNetwork('ipv6').exactOptional(),
    nodePortCidrs: z.array(anyNetwork()).exactOptional(),
    nodePortMin: portSchema,
    nodePortMax: portSchema,
  })
  .refine((value) => value.nodePortMin <= value.nodePortMax, 'nodePortMin is above nodePortMax');

export const decodeSettings = (kv: KeyValue): Decoded<Settings> => decode(kv, settings);

/** The value of any key of ours under `/causeway/v1/`. */
export function encode(
  value:
    | AgentAddress
    | ContainerSpec
    | ContainerStatus
    | EndpointSet
    | HealthRecord
    | ImageHolder
    | ImageRecord
    | NodeAlive
    | NodeEvent
    | NodeIdentity
    | NodePolicy
    | NodeRecord
    | NodeReport
    | NetworkPolicy
    | PolicyPeerSet
    | PublishedClaims
    | Reservation
    | ServiceSpec
    | Settings
    | Workload,
): string {
  return JSON.stringify(value);
}
