import { z } from 'zod';
import { CausewayError, messageOf, show } from '../errors.ts';
import type { ContainerSpec, ContainerStatus } from '../model/container.ts';
import { DATAPLANES } from '../model/dataplane.ts';
import type { EndpointSet } from '../model/endpoint.ts';
import { nameSchema, portSchema } from '../model/input.ts';
import type { NodeAlive, NodeRecord, NodeReport } from '../model/node.ts';
import { PROTOCOLS, type ServiceSpec } from '../model/service.ts';
import type { Settings } from '../model/settings.ts';
import { containsAddress, overlaps, parseAddress, parseCidr } from '../net/cidr.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/**
 * Values of our own keys. Decoding is strict about everything that can reach a kernel or a file's name, since
 * anybody who can write to etcd could put it there; unknown fields are left out, so that newer versions can add some.
 *
 * No decoder throws: a key that cannot be read is *returned* as an error, reported and skipped.
 */
export type Decoded<T> = T | CausewayError;

const address = z.string().refine((text) => parseAddress(text) !== undefined, 'is not an IPv4 address');
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
const revision = z.number().int().min(0);
/** A host's id is repeated in sentences. */
export const nodeId = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is not an id: 1 to 128 printable characters');

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
  pid: z.number().int().exactOptional(),
  reason: z.string().exactOptional(),
});

const nodeRecord: z.ZodType<NodeRecord> = z.object({
  name: nameSchema,
  id: nodeId,
  publicIp: address,
  addresses: z.array(address),
  network: cidr.exactOptional(),
  subnet: cidr,
  dataplane: z.enum(DATAPLANES),
  version: z.string(),
});

const nodeAlive: z.ZodType<NodeAlive> = z.object({ id: nodeId, instance: z.string().min(1) });

const nodeReport: z.ZodType<NodeReport> = z.object({
  name: nameSchema,
  servicesRevision: revision,
  networkRevision: revision,
  appliedInMs: z.number(),
  at: z.string(),
  peers: z.array(
    z.object({
      subnet: cidr,
      publicIp: address,
      state: z.enum(['installed', 'failed', 'unreachable']),
      reason: z.string().exactOptional(),
    }),
  ),
  problems: z.array(z.string()),
  repairs: z.number(),
});

const settings: z.ZodType<Settings> = z
  .object({ serviceRange: unicastRange, nodePortMin: portSchema, nodePortMax: portSchema })
  .refine((value) => value.nodePortMin <= value.nodePortMax, 'nodePortMin is above nodePortMax');

export const decodeSettings = (kv: KeyValue): Decoded<Settings> => decode(kv, settings);
export const decodeAlive = (kv: KeyValue): Decoded<NodeAlive> => decode(kv, nodeAlive);
export const decodeNode = (kv: KeyValue): Decoded<NodeRecord> =>
  inItsKey(kv, decode(kv, nodeRecord), (node) => keys.node(node.name));
export const decodeReport = (kv: KeyValue): Decoded<NodeReport> =>
  inItsKey(kv, decode(kv, nodeReport), (report) => keys.report(report.name));
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
    | NodeRecord
    | NodeReport
    | ServiceSpec
    | Settings,
): string {
  return JSON.stringify(value);
}

/**
 * A key whose value is not what it should be: names the key, the field and the reason, on one line, whatever the
 * key and the value hold: the sentence goes into logs, line by line formats and terminals.
 */
export function unreadable(kv: KeyValue, reason: string, cause?: unknown): CausewayError {
  return new CausewayError('unreadable', `reading etcd key ${oneLine(kv.key)}: ${oneLine(reason)}`, {
    value: kv.value,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Longest part of a sentence that a key's writer can fill, in characters. */
const LONGEST = 300;
/** What a terminal or a log would obey: controls, line separators, and marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

function oneLine(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
  return short.replace(UNSAFE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @returns the value as plain JSON, or an error when it is none */
export function parseJson(kv: KeyValue): { readonly json: unknown } | CausewayError {
  try {
    return { json: JSON.parse(kv.value) };
  } catch (error) {
    return unreadable(kv, `its value ${show(kv.value)} is not JSON: ${messageOf(error)}`, error);
  }
}

export function decode<T>(kv: KeyValue, schema: z.ZodType<T>): Decoded<T> {
  const parsed = parseJson(kv);
  return parsed instanceof CausewayError ? parsed : check(kv, parsed.json, schema);
}

/** Checks JSON that was read from a key. */
export function check<T>(kv: KeyValue, json: unknown, schema: z.ZodType<T>): Decoded<T> {
  const result = schema.safeParse(json, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue === undefined || issue.path.length === 0 ? 'the value' : issue.path.join('.');
  return unreadable(kv, `${field} ${show(issue?.input)} ${issue?.message ?? 'is wrong'}`, result.error);
}

/** The value's name must be its key's, or two keys could claim to be one thing. */
function inItsKey<T>(kv: KeyValue, value: Decoded<T>, keyOf: (value: T) => string): Decoded<T> {
  if (value instanceof CausewayError || keyOf(value) === kv.key) return value;
  return unreadable(kv, `its value belongs to key ${keyOf(value)}`);
}
