import { z } from 'zod';
import { nameSchema, portSchema } from '../model/input.ts';
import type { NetworkPolicy, PolicyPeerSet, PolicyRule, PolicySide } from '../model/network-policy.ts';
import { PROTOCOLS } from '../model/service.ts';
import { anyNetwork, type Decoded, decode, inItsKey, ipAddress } from './codec-base.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/** Values of policies, and of whom they mean. */

const labels = z.record(z.string(), z.string());
const action = z.enum(['allow', 'deny']);

const rule: z.ZodType<PolicyRule> = z.object({
  action,
  peers: z
    .object({
      cidrs: z.array(anyNetwork()).exactOptional(),
      containers: z.array(nameSchema).exactOptional(),
      labels: labels.exactOptional(),
    })
    .exactOptional(),
  ports: z
    .array(
      z
        .object({
          protocol: z.enum(PROTOCOLS),
          port: portSchema.exactOptional(),
          endPort: portSchema.exactOptional(),
        })
        .refine(({ port, endPort }) => endPort === undefined || (port !== undefined && port <= endPort)),
    )
    .exactOptional(),
  limit: z
    .object({
      connections: z.number().int().min(1).max(10_000),
      per: z.enum(['second', 'minute', 'hour']),
      burst: z.number().int().min(1).max(10_000),
    })
    .exactOptional(),
});

const side: z.ZodType<PolicySide> = z.object({ default: action.exactOptional(), rules: z.array(rule) });

const policy: z.ZodType<NetworkPolicy> = z.object({
  name: nameSchema,
  subjects: z.object({ containers: z.array(nameSchema).exactOptional(), labels: labels.exactOptional() }),
  ingress: side.exactOptional(),
  egress: side.exactOptional(),
});

const peerSet: z.ZodType<PolicyPeerSet> = z.object({
  name: nameSchema,
  rules: z.array(
    z.object({
      side: z.enum(['ingress', 'egress']),
      rule: z.number().int().min(0),
      addresses: z.array(ipAddress()),
    }),
  ),
});

export const decodePolicy = (kv: KeyValue): Decoded<NetworkPolicy> =>
  inItsKey(kv, decode(kv, policy), ({ name }) => keys.policySpec(name));
export const decodePolicyPeers = (kv: KeyValue): Decoded<PolicyPeerSet> =>
  inItsKey(kv, decode(kv, peerSet), ({ name }) => keys.policyPeers(name));
