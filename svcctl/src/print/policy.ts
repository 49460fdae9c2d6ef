import type {
  NetworkPolicy,
  PolicyPorts,
  PolicyRule,
  PolicySide,
  PolicySubjects,
} from '@causeway/shared/model/network-policy';
import { labelsText } from './labels.ts';

/** Most of a list that one line shows. */
const SHOWN = 5;

/** `all`, `db-1,db-2`, `app=db`, `db-1 or app=db` */
export function subjectsText({ containers, labels }: PolicySubjects): string {
  const parts = [containers?.join(','), labels && labelsText(labels)].flatMap((part) => part ?? []);
  return parts.length === 0 ? 'all' : parts.join(' or ');
}

/** `deny, 2 rules` */
export function sideText(side: PolicySide | undefined): string | undefined {
  if (side === undefined) return undefined;
  const { length } = side.rules;
  return `${side.default ?? 'allow'}, ${length} rule${length === 1 ? '' : 's'}`;
}

/** One line for each rule, and the default at last. */
export function sideLines(policy: NetworkPolicy, direction: 'ingress' | 'egress'): readonly string[] {
  const side = policy[direction];
  if (side === undefined) return ['not spoken of'];
  const preposition = direction === 'ingress' ? 'from' : 'to';
  return [
    ...side.rules.map((rule) => ruleText(rule, preposition)),
    `${side.default ?? 'allow'} everything else`,
  ];
}

/** `allow from 10.0.0.0/8, web-1, app=web to tcp 80-90, at most 25/minute, burst 100` */
function ruleText({ action, peers, ports, limit }: PolicyRule, preposition: string): string {
  const named = [
    ...(peers?.cidrs ?? []),
    ...(peers?.containers ?? []),
    ...(peers?.labels === undefined ? [] : [labelsText(peers.labels)]),
  ];
  const who = named.length === 0 ? 'everybody' : shortened(named);
  const where = ports === undefined ? '' : ` at ${shortened(ports.map(portsText))}`;
  const rate = limit === undefined ? '' : `, at most ${limit.connections}/${limit.per}, burst ${limit.burst}`;
  return `${action} ${preposition} ${who}${where}${rate}`;
}

function portsText({ protocol, port, endPort }: PolicyPorts): string {
  if (port === undefined) return `${protocol}`;
  return `${protocol} ${port}${endPort === undefined ? '' : `-${endPort}`}`;
}

export function shortened(all: readonly string[]): string {
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
  return `${all.slice(0, SHOWN).join(', ')}${more}`;
}
