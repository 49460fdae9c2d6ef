import { z } from 'zod';
import { FAMILIES } from '../net/family.ts';
import { endpointRefSchema } from './endpoint-input.ts';
import { healthInputSchema } from './health-input.ts';
import { nameSchema, portOr, portSchema } from './input.ts';
import { selectorSchema } from './labels-input.ts';
import { POLICIES, PROTOCOLS, WHEN_UNHEALTHY } from './service.ts';

/** Most ports of one service, so that one etcd transaction (128 operations) can replace them all. */
export const MAX_PORTS = 50;
export const MAX_ENDPOINTS = 1_000;
/** Most CIDRs that clients may come from: each becomes an element for each port of the service. */
export const MAX_SOURCE_RANGES = 64;

const NODE_PORT_ERROR = 'is not a NodePort: a whole number from 1 to 65535 or "auto" is needed';
const VIP_ERROR =
  'is not a VIP: an IPv4 or IPv6 address, "auto", "none", or a list of one per family is needed';
const VIP_PART_ERROR = 'is not a VIP: an IPv4 or IPv6 address or "auto" is needed';
const RANGE_ERROR = 'is not a network such as "203.0.113.0/24"';

const oneOf = <const T extends readonly string[]>(values: T, what: string) =>
  z.enum(values, { error: `is not ${what}: ${values.join(', ')} are known` });
const truth = z.boolean({ error: 'is neither true nor false' });

export const servicePortInputSchema = z
  .strictObject({
    name: nameSchema.optional().describe('Needed by nobody; with several ports it defaults to `tcp-88`.'),
    protocol: oneOf(PROTOCOLS, 'a protocol').default('tcp'),
    port: portSchema.describe('Port on the VIP.'),
    targetPort: portSchema.optional().describe('Port on the endpoints that name none; default: `port`.'),
    nodePort: z
      .union([z.literal('auto'), portOr(NODE_PORT_ERROR)], { error: NODE_PORT_ERROR })
      .optional()
      .describe("Port on every host's own addresses; `auto` takes a free one. Absent: none."),
  })
  .meta({ id: 'ServicePortDefinition' });

/** What a user sends to make or replace a service. Rules that need to know the cluster are the controller's. */
export const serviceInputSchema = z
  .strictObject({
    name: nameSchema.optional().describe('Default: `svc-2-2-2-2-88`.'),
    vip: z
      .union(
        [
          z.string(),
          z
            .array(z.string({ error: VIP_PART_ERROR }))
            .min(1, { error: 'is empty: "none" says that the service has no VIP' })
            .max(2, { error: 'has more than one VIP of each family' }),
        ],
        { error: VIP_ERROR },
      )
      .default('auto')
      .describe(
        'An address, `auto` (one of the service range, of each of `families`), `none` (NodePorts only), or a list of one per family: `["2.2.2.2", "auto"]`.',
      ),
    families: z
      .array(oneOf(FAMILIES, 'a family'), {
        error: 'is not a list of families: ipv4, ipv6 or both are needed',
      })
      .min(1, { error: 'is empty: a family at least is needed' })
      .max(2, { error: 'names a family twice' })
      .refine((families) => new Set(families).size === families.length, { error: 'names a family twice' })
      .optional()
      .describe('Default: those of the given VIPs; without any IPv4 if the network has it, else IPv6.'),
    ports: z
      .array(servicePortInputSchema, { error: 'is not a list of ports' })
      .min(1, { error: 'is empty: a service needs a port at least' })
      .max(MAX_PORTS, { error: `has more than ${MAX_PORTS} ports, the most that a service may have` }),
    endpoints: z
      .array(endpointRefSchema, { error: 'is not a list of endpoints' })
      .max(MAX_ENDPOINTS, { error: `has more than ${MAX_ENDPOINTS} endpoints` })
      .default([])
      .describe('References such as `10.10.1.2:12345` or `web-1`, or objects with one as `to`.'),
    selector: selectorSchema
      .optional()
      .describe('Containers and workloads with all of these labels are endpoints, too.'),
    affinity: oneOf(['none', 'client'], 'an affinity')
      .default('none')
      .describe('`client`: one client stays with one endpoint, at whatever host it enters.'),
    externalPolicy: oneOf(POLICIES, 'a policy')
      .default('cluster')
      .describe(
        'NodePorts, for clients from outside. `local`: only endpoints of the host that they come to.',
      ),
    internalPolicy: oneOf(POLICIES, 'a policy')
      .default('cluster')
      .describe('The VIP. `local`: only endpoints of the host that the connection begins on.'),
    sourceRanges: z
      .array(z.string({ error: RANGE_ERROR }), { error: 'is not a list of networks' })
      .min(1, { error: 'is empty, and would let nobody connect: leave it out to let everybody' })
      .max(MAX_SOURCE_RANGES, { error: `has more than ${MAX_SOURCE_RANGES} networks` })
      .optional()
      .describe('CIDRs of the clients that may connect. Absent: everybody.'),
    publishNotReady: truth.default(false).describe('Endpoints count as ready whatever their health.'),
    health: healthInputSchema
      .optional()
      .describe('Absent: every endpoint that runs on a living host is ready.'),
    whenUnhealthy: oneOf(WHEN_UNHEALTHY, 'a choice')
      .default('reject')
      .describe('When no endpoint is healthy: `reject` connections, or `open`: try them all the same.'),
  })
  .meta({ id: 'ServiceDefinition' });

/** As typed by the user: most fields may be left out. */
export type ServiceInput = z.input<typeof serviceInputSchema>;
/** With the defaults filled in. */
export type ParsedServiceInput = z.output<typeof serviceInputSchema>;
export type ParsedServicePort = z.output<typeof servicePortInputSchema>;
