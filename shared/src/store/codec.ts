import { z } from 'zod';
import type { ContainerSpec, ContainerStatus } from '../model/container.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import type { NodeEvent } from '../model/event.ts';
import { nameSchema, portSchema } from '../model/input.ts';
import type { NodeAlive, NodeIdentity, NodeRecord, NodeReport } from '../model/node.ts';
import type { NodePolicy, Reservation } from '../model/reservation.ts';
import { PROTOCOLS, type ServiceSpec } from '../model/service.ts';
import type { Settings } from '../model/settings.ts';
import { containsAddress, overlaps, parseAddress, parseCidr } from '../net/cidr.ts';
import { type Decoded, decode, inItsKey, ipAddress } from './codec-base.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

export { type Decoded, unreadable } from './codec-base.ts';
export * from './codec-node.ts';

/** Values of our own keys: those of services, containers and settings here. */
const address = ipAddress('ipv4');
const cidr = z.string().refine((text) => parseCidr(text) !== undefined, 'is not an IPv4 network');
/** A host would cut itself off from itself if one of these became a VIP: nobody is reached by unicast there. */
const NOT_UNICAST = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].flatMap(
  (text) => parseCidr(text) ?? [],
);
const unicast = address.refine((text) => {
  const parsed = parseAddress(text);
  return parsed === undefined || !NOT_UNICAST.some((block) => containsAddress(block, parsed));
}, 'is an address that nobody can have (loopback, link-local, multicast or reserved)');
const unicastRange = cidr.refine((text) => {
  const parsed = parseCidr(text);
  return parsed === undefined || !NOT_UNICAST.some((block) => overlaps(block, parsed));
}, 'holds addresses that nobody can have (loopback, link-local, multicast or reserved)');
const servicePort = z.object({
  name: z.union([z.literal(''), nameSchema]),
  protocol: z.enum(PROTOCOLS),
  port: portSchema,
  targetPort: portSchema,
  nodePort: portSchema.exactOptional(),
});

const serviceSpec: z.ZodType<ServiceSpec> = z.object({
  name: nameSchema,
  vip: unicast.exactOptional(),
  ports: z.array(servicePort).min(1),
  endpoints: z.array(z.string()),
  createdAt: z.string(),
});

const endpointSet: z.ZodType<EndpointSet> = z.object({
  service: nameSchema,
  endpoints: z.array(
    z.object({
      portName: z.union([z.literal(''), nameSchema]),
      address: unicast,
      port: portSchema,
      ref: z.string(),
      container: nameSchema.exactOptional(),
      node: nameSchema.exactOptional(),
    }),
  ),
  unresolved: z.array(z.string()),
});

const containerSpec: z.ZodType<ContainerSpec> = z.object({
  name: nameSchema,
  host: nameSchema,
  command: z.array(z.string()).min(1),
  files: z.record(z.string().startsWith('/'), z.string()),
});

const containerStatus: z.ZodType<ContainerStatus> = z.object({
  name: nameSchema,
  host: nameSchema,
  state: z.enum(['running', 'failed']),
  address: address.exactOptional(),
  ipv6Address: ipAddress('ipv6').exactOptional(),
  pid: z.number().int().exactOptional(),
  reason: z.string().exactOptional(),
});

const settings: z.ZodType<Settings> = z
  .object({ serviceRange: unicastRange, nodePortMin: portSchema, nodePortMax: portSchema })
  .refine((value) => value.nodePortMin <= value.nodePortMax, 'nodePortMin is above nodePortMax');

export const decodeSettings = (kv: KeyValue): Decoded<Settings> => decode(kv, settings);
export const decodeContainer = (kv: KeyValue): Decoded<ContainerSpec> =>
  inItsKey(kv, decode(kv, containerSpec), (container) => keys.container(container.name));
export const decodeContainerStatus = (kv: KeyValue): Decoded<ContainerStatus> =>
  inItsKey(kv, decode(kv, containerStatus), (status) => keys.containerStatus(status.name));
export const decodeServiceSpec = (kv: KeyValue): Decoded<ServiceSpec> =>
  inItsKey(kv, decode(kv, serviceSpec), (spec) => keys.serviceSpec(spec.name));
export const decodeEndpointSet = (kv: KeyValue): Decoded<EndpointSet> =>
  inItsKey(kv, decode(kv, endpointSet), (set) => keys.serviceEndpoints(set.service));

/** The value of any key of ours under `/causeway/v1/`. */
export function encode(
  value:
    | ContainerSpec
    | ContainerStatus
    | EndpointSet
    | NodeAlive
    | NodeEvent
    | NodeIdentity
    | NodePolicy
    | NodeRecord
    | NodeReport
    | Reservation
    | ServiceSpec
    | Settings,
): string {
  return JSON.stringify(value);
}
