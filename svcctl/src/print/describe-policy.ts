import type { PolicyPeersView, PolicySubjectView, PolicyView } from '../api.ts';
import type { Client } from '../client/client.ts';
import type { Context } from '../context.ts';
import { fieldsText } from './fields.ts';
import { shortened, sideLines, subjectsText } from './policy.ts';

interface Items<T> {
  readonly items: readonly T[];
}

/** Prints everything about a policy: what it says, whom it is about, and whom it means. */
export async function describePolicy({ io }: Context, client: Client, name: string): Promise<void> {
  const path = `/v1/policies/${name}`;
  const [policy, subjects, peers] = await Promise.all([
    client.get<PolicyView>(path),
    client.get<Items<PolicySubjectView>>(`${path}/subjects`),
    client.get<Items<PolicyPeersView>>(`${path}/peers`),
  ]);
  io.out(
    fieldsText([
      ['Name', policy.name],
      ['About', subjectsText(policy.subjects)],
      ['Containers', subjects.items.map(subjectText)],
      ['Ingress', sideLines(policy, 'ingress')],
      ['Egress', sideLines(policy, 'egress')],
      ['Peers', peers.items.map(peerText)],
      ['Warnings', policy.status?.warnings ?? []],
      ['Revision', policy.revision],
    ]),
  );
}

/** `db-1 on host-1 at 10.10.1.2` */
function subjectText({ name, host, addresses, unruled }: PolicySubjectView): string {
  if (unruled !== undefined) return `${name} on ${host}: no policy holds with the network mode ${unruled}`;
  return `${name} on ${host}${addresses.length === 0 ? '' : ` at ${addresses.join(' and ')}`}`;
}

function peerText({ side, rule, addresses }: PolicyPeersView): string {
  return `${side} rule ${rule + 1}: ${addresses.length === 0 ? 'nobody' : shortened(addresses)}`;
}
