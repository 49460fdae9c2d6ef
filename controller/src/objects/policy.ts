import type { NetworkPolicy, PolicyPeerSet } from '@causeway/shared/model/network-policy';
import { PROTOCOLS } from '@causeway/shared/model/service';
import { z } from 'zod';
import { namesPeers } from '../policies/resolve.ts';
import type { Tables } from '../view/tables.ts';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

const labels = z.record(z.string(), z.string());
const names = z.array(z.string()).readonly();
const action = z.enum(['allow', 'deny']);

const ports = z.object({
  protocol: z.enum(PROTOCOLS),
  port: z.int().optional(),
  endPort: z.int().optional(),
});

const rule = z.object({
  action,
  peers: z
    .object({ cidrs: names.optional(), containers: names.optional(), labels: labels.optional() })
    .optional(),
  ports: z.array(ports).readonly().optional(),
  limit: z
    .object({ connections: z.int(), per: z.enum(['second', 'minute', 'hour']), burst: z.int() })
    .optional(),
});

const side = z.object({
  default: action.optional().describe('Absent: allow.'),
  rules: z.array(rule).readonly(),
});

export const policySchema = z
  .object({
    name: z.string(),
    subjects: z.object({ containers: names.optional(), labels: labels.optional() }),
    ingress: side.optional(),
    egress: side.optional(),
    revision,
    status: z.object({
      peers: z.int().describe('Addresses that its names and labels mean at the moment.'),
      warnings: z
        .array(z.string())
        .readonly()
        .describe('What is taken and means nobody, each as a sentence.'),
    }),
  })
  .meta({ id: 'NetworkPolicy' });

export const subjectSchema = z
  .object({
    name: z.string(),
    host: z.string(),
    addresses: z.array(z.string()).readonly().describe('None: the policy cannot hold for it, or not yet.'),
    unruled: z.string().optional().describe('Its network mode, where no policy holds with that.'),
  })
  .meta({ id: 'PolicySubject' });

export const peerSchema = z
  .object({
    side: z.enum(['ingress', 'egress']),
    rule: z.int().describe("The rule's number, from 0."),
    addresses: z.array(z.string()).readonly(),
  })
  .meta({ id: 'PolicyPeer' });

/** Most names that one sentence has. */
const SHOWN = 5;

export type PolicyObject = z.output<typeof policySchema>;

export const policies: Collection<'networkPolicy', PolicyObject> = {
  source: 'causeway',
  kind: 'networkPolicy',
  also: ['policyPeers'],
  present: (row, id, tables) =>
    policyObject(row.value, row.revision, tables.policyPeers.get(id)?.value, tables),
};

export function policyObject(
  policy: NetworkPolicy,
  revision: number,
  peers: PolicyPeerSet | undefined,
  tables: Pick<Tables, 'container' | 'workload'>,
): PolicyObject {
  const addresses = new Set(peers?.rules.flatMap((rule) => rule.addresses));
  const warnings = [...unknownNames(policy, tables), ...leftOut(policy, peers)];
  return { ...policy, revision, status: { peers: addresses.size, warnings } };
}

function unknownNames(
  { subjects, ingress, egress }: NetworkPolicy,
  { container, workload }: Pick<Tables, 'container' | 'workload'>,
): readonly string[] {
  const strangers = (subjects.containers ?? []).filter((name) => !container.has(name));
  const named = [...(ingress?.rules ?? []), ...(egress?.rules ?? [])].flatMap(
    ({ peers }) => peers?.containers ?? [],
  );
  const unknown = [...new Set(named)].filter((name) => !container.has(name) && !workload.has(name));
  return [
    ...(strangers.length === 0 ? [] : [`subjects: there is no container ${listed(strangers)}`]),
    ...(unknown.length === 0 ? [] : [`peers: there is no container or workload ${listed(unknown)}`]),
  ];
}

/** Rules that the controller had no room for. */
function leftOut(policy: NetworkPolicy, peers: PolicyPeerSet | undefined): readonly string[] {
  if (peers === undefined) return [];
  const known = new Set(peers.rules.map(({ side, rule }) => `${side} ${rule}`));
  return (['ingress', 'egress'] as const).flatMap((side) =>
    (policy[side]?.rules ?? []).flatMap((rule, index) =>
      namesPeers(rule) && !known.has(`${side} ${index}`)
        ? [
            `${side}.rules[${index}] means more addresses than a policy can hold: hosts take it to mean ${rule.action === 'deny' ? 'everybody' : 'nobody'}`,
          ]
        : [],
    ),
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => `"${name}"`);
  return `${shown.join(', ')}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}`;
}
