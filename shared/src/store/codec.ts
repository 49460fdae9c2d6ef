import { z } from 'zod';
import type { ContainerSpec, ContainerStatus } from '../model/container.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { NodeEvent } from '../model/event.ts';
import type { HealthRecord } from '../model/health.ts';
import { nameSchema, portSchema } from '../model/input.ts';
import type { NodeAlive, NodeIdentity, NodeRecord, NodeReport } from '../model/node.ts';
import type { NodePolicy, Reservation } from '../model/reservation.ts';
import type { ServiceSpec } from '../model/service.ts';
import type { Settings } from '../model/settings.ts';
import type { Workload } from '../model/workload.ts';
import { anyNetwork, type Decoded, decode, inItsKey, ipAddress, unicastNetwork } from './codec-base.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

export { type Decoded, unreadable } from './codec-base.ts';
export * from './codec-node.ts';
export * from './codec-service.ts';

/** Values of our own keys: those of containers and settings here. */

const containerSpec: z.ZodType<ContainerSpec> = z.object({
  name: nameSchema,
  host: nameSchema,
  command: z.array(z.string()).min(1),
  files: z.record(z.string().startsWith('/'), z.string()),
  labels: z.record(z.string(), z.string()).exactOptional(),
});

const containerStatus: z.ZodType<ContainerStatus> = z.object({
  name: nameSchema,
  host: nameSchema,
  state: z.enum(['running', 'failed']),
  address: ipAddress('ipv4').exactOptional(),
  ipv6Address: ipAddress('ipv6').exactOptional(),
  pid: z.number().int().exactOptional(),
  reason: z.string().exactOptional(),
});

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
export const decodeContainer = (kv: KeyValue): Decoded<ContainerSpec> =>
  inItsKey(kv, decode(kv, containerSpec), (container) => keys.container(container.name));
export const decodeContainerStatus = (kv: KeyValue): Decoded<ContainerStatus> =>
  inItsKey(kv, decode(kv, containerStatus), (status) => keys.containerStatus(status.name));

/** The value of any key of ours under `/causeway/v1/`. */
export function encode(
  value:
    | ContainerSpec
    | ContainerStatus
    | EndpointSet
    | HealthRecord
    | NodeAlive
    | NodeEvent
    | NodeIdentity
    | NodePolicy
    | NodeRecord
    | NodeReport
    | Reservation
    | ServiceSpec
    | Settings
    | Workload,
): string {
  return JSON.stringify(value);
}
