import { z } from 'zod';
import { nameSchema, portSchema } from './input.ts';
import { labelsSchema, selectorSchema } from './labels-input.ts';
import { PROTOCOLS } from './service.ts';

/** Most rules of one side, and most CIDRs or names of one rule. */
export const MAX_RULES = 10_000;
export const MAX_PEERS = 10_000;
const MAX_PORTS = 64;
/** iptables counts no faster and no further. */
const MOST_CONNECTIONS = 10_000;

const CIDR_ERROR = 'is not an address or a network such as "203.0.113.0/24"';
const ACTION_ERROR = 'is not an action: allow, deny are known';
const PER_ERROR = 'is not a time: second, minute, hour are known';
const PORT_ERROR =
  'is not an object with a protocol and perhaps a port, such as {"protocol":"tcp","port":80}';

const oneOf = <const T extends readonly string[]>(values: T, error: string) => z.enum(values, { error });
const names = (what: string) =>
  z
    .array(nameSchema, { error: `is not a list of names of ${what}` })
    .min(1, { error: 'is empty, and would mean nobody: leave it out' })
    .max(MAX_PEERS, { error: `has more than ${MAX_PEERS} names` });
const count = (what: string) => {
  const error = `is not ${what}: a whole number from 1 to ${MOST_CONNECTIONS} is needed`;
  return z.number({ error }).int({ error }).min(1, { error }).max(MOST_CONNECTIONS, { error });
};

const portsSchema = z
  .strictObject(
    {
      protocol: oneOf(PROTOCOLS, `is not a protocol: ${PROTOCOLS.join(', ')} are known`).default('tcp'),
      port: portSchema.optional().describe('Absent: all of the protocol.'),
      endPort: portSchema.optional().describe('Last of a range that begins with `port`.'),
    },
    { error: PORT_ERROR },
  )
  .meta({ id: 'PolicyPorts' });

const peersSchema = z
  .strictObject({
    cidrs: z
      .array(z.string({ error: CIDR_ERROR }), { error: 'is not a list of networks' })
      .min(1, { error: 'is empty, and would mean nobody: leave it out' })
      .max(MAX_PEERS, { error: `has more than ${MAX_PEERS} networks` })
      .optional()
      .describe('Addresses and CIDRs of both families.'),
    containers: names('containers or workloads').optional().describe('Containers and workloads by name.'),
    labels: selectorSchema.optional().describe('Containers and workloads that have all of these labels.'),
  })
  .refine((peers) => Object.values(peers).some((part) => part !== undefined), {
    error: 'names nobody: leave it out to mean everybody',
  })
  .meta({ id: 'PolicyPeers' });

const limitSchema = z
  .strictObject({
    connections: count('a number of connections'),
    per: oneOf(['second', 'minute', 'hour'], PER_ERROR),
    burst: count('a burst').optional().describe('Connections that may come at once. Default: `connections`.'),
  })
  .meta({ id: 'PolicyLimit' });

const ruleSchema = z
  .strictObject({
    action: oneOf(['allow', 'deny'], ACTION_ERROR),
    peers: peersSchema.optional().describe('The other end: whoever any of these names. Absent: everybody.'),
    ports: z
      .array(portsSchema, { error: 'is not a list of ports' })
      .min(1, { error: 'is empty, and would mean no connection: leave it out to mean all ports' })
      .max(MAX_PORTS, { error: `has more than ${MAX_PORTS} ports` })
      .optional()
      .describe("Of the connection's destination, after translation. Absent: all."),
    limit: limitSchema.optional().describe('With `allow`: new connections above the rate are dropped.'),
  })
  .meta({ id: 'PolicyRule' });

const sideSchema = z
  .strictObject({
    default: oneOf(['allow', 'deny'], ACTION_ERROR).default('allow'),
    rules: z
      .array(ruleSchema, { error: 'is not a list of rules' })
      .max(MAX_RULES, { error: `has more than ${MAX_RULES} rules` })
      .default([])
      .describe('Their order does not matter: `deny` goes before `allow`, and that before the default.'),
  })
  .meta({ id: 'PolicySide' });

/** What a user sends to make or replace a policy. Rules that need to know the cluster are the controller's. */
export const networkPolicyInputSchema = z
  .strictObject({
    name: nameSchema,
    subjects: z
      .strictObject({
        containers: names('containers').optional(),
        labels: labelsSchema
          .refine((labels) => Object.keys(labels).length > 0, {
            error: 'is empty: leave it out, and {} as "subjects" means all containers',
          })
          .optional(),
      })
      .describe('Containers that are named or have all of the labels; {}: all containers.'),
    ingress: sideSchema.optional().describe('Connections to them. Absent: the policy says nothing of those.'),
    egress: sideSchema.optional().describe('Connections from them.'),
  })
  .meta({ id: 'NetworkPolicyDefinition' });

export type NetworkPolicyInput = z.input<typeof networkPolicyInputSchema>;
export type ParsedNetworkPolicyInput = z.output<typeof networkPolicyInputSchema>;
export type ParsedPolicySide = z.output<typeof sideSchema>;
export type ParsedPolicyRule = z.output<typeof ruleSchema>;
