import { z } from 'zod';
import { CausewayError } from '../errors.ts';
import { ENDPOINT_STATES, type EndpointSet } from '../model/endpoint.ts';
import type { HealthRecord } from '../model/health.ts';
import { nameSchema, portSchema } from '../model/input.ts';
import { type HealthCheck, POLICIES, PROTOCOLS, type ServiceSpec, WHEN_UNHEALTHY } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { familyOf } from '../net/block.ts';
import { FAMILIES } from '../net/family.ts';
import { anyNetwork, check, type Decoded, decode, inItsKey, parseJson, unicast } from './codec-base.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/** Values of services, and of what their endpoints are resolved from: workloads, and what hosts found of health. */

/** Longest time of a health check: a day. More than 2³¹−1 ms would make a timer fire at once. */
const MAX_MS = 86_400_000;
const MAX_WEIGHT = 100;

const portName = z.union([z.literal(''), nameSchema]);
const weight = z.number().int().min(0).max(MAX_WEIGHT);
const time = z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time');
const labels = z.record(z.string(), z.string());
const milliseconds = z.number().int().min(1).max(MAX_MS);
const count = z.number().int().min(1);

const servicePort = z.object({
  name: portName,
  protocol: z.enum(PROTOCOLS),
  port: portSchema,
  targetPort: portSchema,
  nodePort: portSchema.exactOptional(),
});

/** What every form of a service has had. */
const always = {
  name: nameSchema,
  ports: z.array(servicePort).min(1),
  createdAt: z.string(),
};

const healthCheck: z.ZodType<HealthCheck> = z.object({
  type: z.enum(['tcp', 'http', 'https', 'command']),
  port: portSchema.exactOptional(),
  path: z.string().startsWith('/').exactOptional(),
  command: z.array(z.string()).min(1).exactOptional(),
  intervalMs: milliseconds,
  timeoutMs: milliseconds,
  rise: count,
  fall: count,
});

const endpointRef = z.object({
  to: z.string(),
  weight: weight.exactOptional(),
  drain: z.object({ until: time.exactOptional() }).exactOptional(),
});

const serviceSpec: z.ZodType<ServiceSpec> = z
  .object({
    ...always,
    vips: z.array(unicast()).refine(hasOnePerFamily, 'has two of one family'),
    families: z.array(z.enum(FAMILIES)).min(1).refine(hasNoDoubles, 'names a family twice'),
    endpoints: z.array(endpointRef),
    selector: labels.exactOptional(),
    affinity: z.literal('client').exactOptional(),
    externalPolicy: z.enum(POLICIES).exactOptional(),
    internalPolicy: z.enum(POLICIES).exactOptional(),
    sourceRanges: z.array(anyNetwork()).exactOptional(),
    publishNotReady: z.boolean().exactOptional(),
    health: healthCheck.exactOptional(),
    whenUnhealthy: z.enum(WHEN_UNHEALTHY).exactOptional(),
  })
  .refine(servesItsVips, { path: ['families'], message: 'are not those of the VIPs' });

/** Services that were written before they had several VIPs: one of IPv4 at most, and endpoints as they were typed. */
const earlierSpec: z.ZodType<ServiceSpec> = z
  .object({ ...always, vip: unicast('ipv4').exactOptional(), endpoints: z.array(z.string()) })
  .transform(({ vip, endpoints, ...rest }) => ({
    ...rest,
    vips: vip === undefined ? [] : [vip],
    families: ['ipv4' as const],
    endpoints: endpoints.map((to) => ({ to })),
  }));

const endpointSet: z.ZodType<EndpointSet> = z.object({
  service: nameSchema,
  endpoints: z.array(
    z.object({
      portName,
      address: unicast(),
      port: portSchema,
      ref: z.string(),
      state: z.enum(ENDPOINT_STATES).exactOptional(),
      reason: z.string().exactOptional(),
      weight: weight.exactOptional(),
      drainUntil: time.exactOptional(),
      container: nameSchema.exactOptional(),
      node: nameSchema.exactOptional(),
      checkedBy: nameSchema.exactOptional(),
      unaskedUntil: time.exactOptional(),
    }),
  ),
  unresolved: z.array(z.string()),
});

const workload: z.ZodType<Workload> = z.object({
  name: nameSchema,
  addresses: z.array(unicast()).min(1).refine(hasOnePerFamily, 'has two of one family'),
  labels,
});

const healthRecord: z.ZodType<HealthRecord> = z.object({
  node: nameSchema,
  unhealthy: z.array(
    z.object({ service: nameSchema, portName, address: unicast(), port: portSchema, reason: z.string() }),
  ),
  healthy: z.array(z.string()).exactOptional(),
});

/** Both the form of today and the one before it; unknown fields are left out. */
export function decodeServiceSpec(kv: KeyValue): Decoded<ServiceSpec> {
  const parsed = parseJson(kv);
  if (parsed instanceof CausewayError) return parsed;
  const spec = check(kv, parsed.json, isEarlier(parsed.json) ? earlierSpec : serviceSpec);
  return inItsKey(kv, spec, ({ name }) => keys.serviceSpec(name));
}

export const decodeEndpointSet = (kv: KeyValue): Decoded<EndpointSet> =>
  inItsKey(kv, decode(kv, endpointSet), (set) => keys.serviceEndpoints(set.service));
export const decodeWorkload = (kv: KeyValue): Decoded<Workload> =>
  inItsKey(kv, decode(kv, workload), ({ name }) => keys.workload(name));
export const decodeHealth = (kv: KeyValue): Decoded<HealthRecord> =>
  inItsKey(kv, decode(kv, healthRecord), ({ node }) => keys.health(node));

function isEarlier(json: unknown): boolean {
  return typeof json === 'object' && json !== null && !('vips' in json);
}

function hasOnePerFamily(addresses: readonly string[]): boolean {
  return hasNoDoubles(addresses.map(familyOf));
}

function hasNoDoubles(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function servesItsVips({ vips, families }: ServiceSpec): boolean {
  return vips.length === 0 || vips.map(familyOf).sort().join() === [...families].sort().join();
}
