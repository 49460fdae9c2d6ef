import { CausewayError, show } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodePolicy } from '@causeway/shared/model/reservation';
import { familyOf } from '@causeway/shared/net/block';
import {
  type ByFamily,
  byFamily,
  entriesOf,
  FAMILY_NAMES,
  type Family,
  mapFamilies,
} from '@causeway/shared/net/family';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Write } from '@causeway/shared/store/store';
import { type Change, unchanged } from '../allocate/transaction.ts';
import { reservationsOf } from '../objects/node.ts';
import type { NodePlan, ReserveInput } from '../objects/node-operation.ts';
import type { TableSet } from '../view/table-set.ts';
import type { Tables } from '../view/tables.ts';
import { checkedSubnet, checkFree, checkReadable, SUBNET_FIELDS } from './subnet-fit.ts';

/** A change of a host's reservations or policy; without writes, it is so already. */
export interface NodeChange extends Change {
  readonly after: NodeState;
  readonly warnings: readonly string[];
}

/** What was decided about a host. */
export type NodeState = Pick<NodePlan, 'cordoned' | 'drained' | 'reservations'>;

/**
 * Binds subnets to a host's name: those that are named, or else those that it leases.
 *
 * @param rows as etcd has them at this moment: nodes, leases, claims and reservations
 * @throws CausewayError `not-found`, `invalid`, or `conflict` when another host has one of them, or the host uses others
 *   and `renumber` is not asked for
 */
export function planReserve(
  name: string,
  input: ReserveInput,
  config: NetworkConfig,
  { rows: tables, unreadable }: Pick<TableSet, 'rows' | 'unreadable'>,
): NodeChange {
  const node = tables.node.get(name)?.value;
  if (node === undefined && !input.ahead)
    throw noNode(name, '; --ahead (ahead: true) reserves for one that has not joined yet');
  const held = mapFamilies(node ?? {}, ({ subnet }) => subnet);
  const wanted = wantedSubnets(name, input, config, held);
  const guards: Guard[] = [];
  const writes: Write[] = [];
  const warnings: string[] = [];
  for (const [family, subnet] of entriesOf(wanted)) {
    const own = reservationsOf(tables, name).find(({ value }) => familyOf(value.subnet) === family)?.value;
    if (own?.subnet === subnet) continue;
    if (own !== undefined) throw hasOther(family, name, subnet, own.subnet);
    checkReadable(family, subnet, unreadable);
    checkFree(family, subnet, { name, id: node?.id }, tables);
    guards.push({ key: keys.reservation(subnet), absent: true }, claimGuard(subnet, tables));
    writes.push({ put: keys.reservation(subnet), value: encode({ subnet, node: name }) });
    const now = held[family];
    if (now === undefined || now === subnet) continue;
    if (!input.renumber) throw exchanges(family, name, subnet, now);
    warnings.push(
      `host "${name}" goes on with ${now} until its agent is started anew; then it takes ${subnet}, and ${WHAT_IT_MEANS}`,
    );
  }
  const reserved = reservationsOf(tables, name).map(({ value }) => value.subnet);
  const reservations = [...new Set([...reserved, ...entriesOf(wanted).map(([, subnet]) => subnet)])].sort();
  return { guards, writes, warnings, after: { ...stateOf(name, tables), reservations } };
}

function stateOf(name: string, tables: Tables): NodeState {
  const policy = tables.policy.get(name)?.value;
  return {
    cordoned: policy?.cordoned ?? false,
    drained: policy?.drained ?? false,
    reservations: reservationsOf(tables, name).map(({ value }) => value.subnet),
  };
}

function wantedSubnets(
  name: string,
  { subnet: ipv4, subnetIpv6: ipv6 }: ReserveInput,
  config: NetworkConfig,
  held: ByFamily<string>,
): ByFamily<string> {
  const asked = byFamily((family) => (family === 'ipv4' ? ipv4 : ipv6));
  if (entriesOf(asked).length > 0)
    return mapFamilies(asked, (text, family) => checkedSubnet(family, text, config));
  if (entriesOf(held).length > 0) return held;
  throw new CausewayError('conflict', `host ${show(name)} leases no subnet: name the one to reserve`, {
    field: SUBNET_FIELDS.ipv4,
  });
}

/** The claim must be as it was seen: nobody's, or the host's own. */
function claimGuard(subnet: string, tables: Tables): Guard {
  const claim = tables.claim.get(subnet)?.value;
  const key = keys.claim(subnet);
  return claim === undefined ? { key, absent: true } : { key, value: claim };
}

/** What the exchange of a host's subnet does to those who use it. */
const WHAT_IT_MEANS =
  'its containers get other addresses while they run: connections break, and what listens on an address by name must be restarted';

function exchanges(family: Family, name: string, subnet: string, now: string): CausewayError {
  return new CausewayError(
    'conflict',
    `${SUBNET_FIELDS[family]} "${subnet}" is not what host "${name}" uses, ${now}: when its agent is started anew, ${WHAT_IT_MEANS}; ask for it with --renumber (renumber: true)`,
    { field: 'renumber', value: subnet },
  );
}

function hasOther(family: Family, name: string, subnet: string, own: string): CausewayError {
  const field = SUBNET_FIELDS[family];
  return new CausewayError(
    'conflict',
    `${field} "${subnet}" is not the ${FAMILY_NAMES[family]} subnet that host "${name}" has reserved, ${own}: release that first`,
    { field, value: subnet },
  );
}

/**
 * Lets go of a host's reservations, and with `lease` of everything that it leases: the host is forgotten.
 *
 * @throws CausewayError `not-found`, or `conflict` when the host is alive
 */
export function planRelease(name: string, withLease: boolean, tables: Tables): NodeChange {
  const reserved = reservationsOf(tables, name);
  const node = tables.node.get(name);
  if (node === undefined && reserved.length === 0) throw noNode(name);
  const released = reserved.map(({ value, revision }) => ({
    key: keys.reservation(value.subnet),
    modRevision: revision,
  }));
  const change = withLease ? [...released, ...leaseGuards(name, tables)] : released;
  const guards: Guard[] = withLease ? [...change, ...stillGone(name, tables)] : change;
  const after = { ...stateOf(name, tables), reservations: [] };
  return { guards, writes: change.map(({ key }): Write => ({ delete: key })), warnings: [], after };
}

/** Everything of a host that is on its lease of ownership and keeps its subnets from others. */
function leaseGuards(name: string, tables: Tables): { readonly key: string; readonly modRevision: number }[] {
  if (tables.alive.has(name)) {
    throw new CausewayError(
      'conflict',
      `host "${name}" is alive and would take its subnet again: drain it, stop its agent, and release it then`,
      { field: 'name', value: name },
    );
  }
  const node = tables.node.get(name);
  const id = node?.value.id;
  const at = (key: string, modRevision: number) => ({ key, modRevision });
  const own = node === undefined ? [] : [at(keys.node(name), node.revision)];
  // The host goes on under another name, and what it leases is that one's.
  if (isRenamed(name, tables)) return own;
  const leases = [...tables.lease].filter(([, { value }]) =>
    id === undefined ? value.node?.name === name : value.node?.id === id,
  );
  const claims = [...tables.claim].filter(([, { value }]) => value === id);
  return [
    ...leases.map(([rest, { revision }]) => at(`${keys.subnetPrefix}${rest}`, revision)),
    ...claims.map(([subnet, { revision }]) => at(keys.claim(subnet), revision)),
    ...own,
  ];
}

/** Nobody of this name, or of this id under whatever name, has come to life since. */
function stillGone(name: string, tables: Tables): Guard[] {
  const id = tables.node.get(name)?.value.id;
  const noName: Guard = { key: keys.alive(name), absent: true };
  if (id === undefined || isRenamed(name, tables)) return [noName];
  return [noName, { key: keys.identity(id), absent: true }];
}

function isRenamed(name: string, tables: Tables): boolean {
  const id = tables.node.get(name)?.value.id;
  return [...tables.alive].some(([other, { value }]) => other !== name && value.id === id);
}

/**
 * Writes down what was decided about a host; nothing at all is no key.
 *
 * @param isUnreadable whether there is a policy that does not parse: it is written over
 * @throws CausewayError `not-found` for a host that never joined and that nothing was decided about
 */
export function planPolicy(
  name: string,
  wanted: Omit<NodePolicy, 'name'>,
  tables: Tables,
  isUnreadable: boolean,
): NodeChange {
  const before = tables.policy.get(name);
  if (before === undefined && !isUnreadable && !tables.node.has(name)) throw noNode(name);
  const key = keys.nodePolicy(name);
  const isSame = before?.value.cordoned === wanted.cordoned && before.value.drained === wanted.drained;
  const isNothing = !wanted.cordoned && !wanted.drained;
  const after = { ...stateOf(name, tables), ...wanted };
  if (isSame || (before === undefined && !isUnreadable && isNothing))
    return { guards: [], writes: [], warnings: [], after };
  const write: Write = isNothing ? { delete: key } : { put: key, value: encode({ name, ...wanted }) };
  return { guards: [unchanged(key, before, isUnreadable)], writes: [write], warnings: [], after };
}

export function noNode(name: string, hint = ''): CausewayError {
  return new CausewayError('not-found', `there is no host ${show(name)}${hint}`, {
    field: 'name',
    value: name,
  });
}
