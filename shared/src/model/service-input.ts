import { z } from 'zod';
import { nameSchema, portOr, portSchema } from './input.ts';
import { PROTOCOLS } from './service.ts';

/** Most ports of one service, so that one etcd transaction (128 operations) can replace them all. */
export const MAX_PORTS = 50;
export const MAX_ENDPOINTS = 1_000;
/** Longest reference to an endpoint: a container's name, a colon and a port. */
const MAX_REF = 80;

const PROTOCOL_ERROR = `is not a protocol: ${PROTOCOLS.join(', ')} are known`;
const NODE_PORT_ERROR = 'is not a NodePort: a whole number from 1 to 65535 or "auto" is needed';
const VIP_ERROR = 'is not a VIP: an IPv4 address, "auto" or "none" is needed';

export const servicePortInputSchema = z
  .strictObject({
    name: nameSchema.optional().describe('Needed by nobody; with several ports it defaults to `tcp-88`.'),
    protocol: z.enum(PROTOCOLS, { error: PROTOCOL_ERROR }).default('tcp'),
    port: portSchema.describe('Port on the VIP.'),
    targetPort: portSchema.optional().describe('Port on the endpoints that name none; default: `port`.'),
    nodePort: z
      .union([z.literal('auto'), portOr(NODE_PORT_ERROR)], { error: NODE_PORT_ERROR })
      .optional()
      .describe("Port on every host's own addresses; `auto` takes a free one. Absent: none."),
  })
  .meta({ id: 'ServicePortDefinition' });

export const endpointRefSchema = z
  .string({ error: 'is not an endpoint: text such as "10.10.1.2:12345" or "web-1" is needed' })
  .min(1, { error: 'is empty: an endpoint such as "10.10.1.2:12345" or "web-1" is needed' })
  .max(MAX_REF, { error: `is longer than ${MAX_REF} characters, so it is no endpoint` });

/** What a user sends to make or replace a service. Rules that need to know the cluster are the controller's. */
export const serviceInputSchema = z
  .strictObject({
    name: nameSchema.optional().describe('Default: `svc-2-2-2-2-88`.'),
    vip: z
      .string({ error: VIP_ERROR })
      .default('auto')
      .describe('An IPv4 address, `auto` (one of the service range) or `none` (NodePorts only).'),
    ports: z
      .array(servicePortInputSchema, { error: 'is not a list of ports' })
      .min(1, { error: 'is empty: a service needs a port at least' })
      .max(MAX_PORTS, { error: `has more than ${MAX_PORTS} ports, the most that a service may have` }),
    endpoints: z
      .array(endpointRefSchema, { error: 'is not a list of endpoints' })
      .max(MAX_ENDPOINTS, { error: `has more than ${MAX_ENDPOINTS} endpoints` })
      .default([])
      .describe('`10.10.1.2:12345`, `10.10.1.2`, `web-1:12345` or `web-1`.'),
  })
  .meta({ id: 'ServiceDefinition' });

export const endpointInputSchema = z
  .strictObject({ to: endpointRefSchema.describe('`10.10.1.2:12345`, `web-1:12345` or `web-1`.') })
  .meta({ id: 'EndpointDefinition' });

/** As typed by the user: most fields may be left out. */
export type ServiceInput = z.input<typeof serviceInputSchema>;
/** With the defaults filled in. */
export type ParsedServiceInput = z.output<typeof serviceInputSchema>;
export type ParsedServicePort = z.output<typeof servicePortInputSchema>;
