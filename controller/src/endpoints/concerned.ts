import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NodeRecord } from '@causeway/shared/model/node';
import { type Block, blockHasIp, canonicalIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { entriesOf } from '@causeway/shared/net/family';
import { placesOf, silentHosts } from '../view/places.ts';
import type { Change } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { type Labels, selects } from './places.ts';

/** What a batch of changes touches, apart from the services that it names. */
interface Touched {
  readonly services: Set<string>;
  /** Names of containers and workloads, and the labels that these carry or carried. */
  readonly names: Set<string>;
  readonly labels: Labels[];
  /** Hosts that came, went, or are used again. */
  readonly hosts: Set<string>;
  /** What may be on another host than before. */
  readonly addresses: Set<string>;
  readonly subnets: Block[];
}

/** The services whose endpoints may be others after these changes. */
export function concerned(changes: readonly Change[], view: View): ReadonlySet<string> {
  const touched: Touched = {
    services: new Set(),
    names: new Set(),
    labels: [],
    hosts: new Set(),
    addresses: new Set(),
    subnets: [],
  };
  for (const change of changes) note(change, view, touched);
  const { services, names, labels, hosts, addresses, subnets } = touched;
  const isMoved = (address: string) => addresses.has(address) || isInside(address, subnets);
  if (addresses.size > 0 || subnets.length > 0) addAll(services, servicesAt(view, isMoved));
  if (names.size > 0) addAll(services, servicesWith(view, names, labels));
  if (hosts.size > 0) addAll(services, servicesAskedBy(view, hosts));
  return services;
}

function note(change: Change, view: View, touched: Touched): void {
  switch (change.kind) {
    case 'service':
    case 'endpoints':
      touched.services.add(change.id);
      break;
    case 'container':
    case 'workload':
      touched.names.add(change.id);
      for (const row of [change.before, change.after])
        if (row?.value.labels !== undefined) touched.labels.push(row.value.labels);
      break;
    case 'containerStatus': {
      touched.names.add(change.id);
      const labels = view.tables.container.get(change.id)?.value.labels;
      if (labels !== undefined) touched.labels.push(labels);
      break;
    }
    case 'lease':
      touched.subnets.push(...subnetsOf(change.before?.value), ...subnetsOf(change.after?.value));
      break;
    case 'alive':
    case 'node':
      noteHost(change, view, touched);
      break;
    case 'policy':
      if (change.before?.value.drained !== change.after?.value.drained)
        addAll(touched.services, servicesOn(view, change.id));
      break;
    case 'health':
      addAll(touched.services, judgedAnew(change.before?.value, change.after?.value));
      if (speaksOfAll(change.before?.value) !== speaksOfAll(change.after?.value))
        addAll(touched.services, servicesCheckedBy(view, change.id));
      break;
  }
}

function noteHost(change: Extract<Change, { kind: 'alive' | 'node' }>, view: View, touched: Touched): void {
  const { before, after } = change;
  if (change.kind === 'node')
    addAll(
      touched.addresses,
      differing(ownAddresses(change.before?.value), ownAddresses(change.after?.value)),
    );
  // A host of which nobody can read whether it is alive counts as alive, and only until the key is gone.
  const isUnread = before === undefined && after === undefined;
  if (before?.value.id === after?.value.id && !isUnread) return;
  // One more or less that is silent decides over all others that are.
  addAll(touched.hosts, [change.id, ...silentHosts(view)]);
}

/** Where a host itself is. */
function ownAddresses(node: NodeRecord | undefined): ReadonlySet<string> {
  if (node === undefined) return new Set();
  const all = [...node.addresses, ...entriesOf(node).map(([, { publicIp }]) => publicIp)];
  return new Set(all.map((address) => canonicalIp(address) ?? address));
}

function differing(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  return [...[...a].filter((one) => !b.has(one)), ...[...b].filter((one) => !a.has(one))];
}

function subnetsOf(lease: SubnetLease | undefined): readonly Block[] {
  return lease === undefined ? [] : entriesOf(lease).flatMap(([, { subnet }]) => parseBlock(subnet) ?? []);
}

function isInside(address: string, subnets: readonly Block[]): boolean {
  const ip = subnets.length === 0 ? undefined : parseIp(address);
  return ip !== undefined && subnets.some((subnet) => blockHasIp(subnet, ip));
}

/** The services about whose endpoints a host says something that it did not say before, or the other way round. */
function judgedAnew(before: HealthRecord | undefined, after: HealthRecord | undefined): readonly string[] {
  const said = [before, after].map(
    (record) =>
      new Map([
        ...(record?.healthy ?? []).map((id) => [id, ''] as const),
        ...(record?.unhealthy ?? []).map((one) => [healthId(one), one.reason] as const),
      ]),
  );
  const [old = new Map<string, string>(), now = new Map<string, string>()] = said;
  const ids = [...new Set([...old.keys(), ...now.keys()])].filter((id) => old.get(id) !== now.get(id));
  return ids.map((id) => id.slice(0, id.indexOf(' ')));
}

/** Whether whoever is not named in a record is healthy by it, or else stays what he is. */
function speaksOfAll(record: HealthRecord | undefined): boolean {
  return record !== undefined && record.healthy === undefined;
}

/** The services of which this host asks an endpoint for its health. */
function servicesCheckedBy({ lookUps, tables }: View, host: string): readonly string[] {
  const isIts = ({ checkedBy }: Endpoint) => checkedBy === host;
  return [...lookUps.checked].filter((service) => tables.endpoints.get(service)?.value.endpoints.some(isIts));
}

/**
 * The services that name one of these containers or workloads, or select by one of these labels, or have an endpoint of
 * that name: of something that could not be read nobody knows by which labels it was selected.
 */
function servicesWith(
  { lookUps, tables }: View,
  names: Iterable<string>,
  labels: readonly Labels[],
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of names) {
    addAll(found, lookUps.naming.of(name));
    addAll(found, lookUps.endpointsFrom.of(name));
  }
  const each = new Map(labels.map((one) => [JSON.stringify(one), one])).values();
  const distinct = [...each];
  for (const service of lookUps.selecting) {
    const selector = tables.service.get(service)?.value.selector;
    if (selector !== undefined && distinct.some((one) => selects(selector, one))) found.add(service);
  }
  return found;
}

/** The services that lead, or would lead, to something at such addresses: themselves, or by a workload. */
function servicesAt(view: View, isThere: (address: string) => boolean): ReadonlySet<string> {
  const { lookUps, tables } = view;
  const found = new Set<string>();
  for (const address of lookUps.pointingAt.keys())
    if (isThere(address)) addAll(found, lookUps.pointingAt.of(address));
  const workloads = new Map<string, Labels>();
  for (const address of lookUps.workloadsAt.keys())
    if (isThere(address))
      for (const name of lookUps.workloadsAt.of(address))
        workloads.set(name, tables.workload.get(name)?.value.labels ?? {});
  return addAll(found, servicesWith(view, workloads.keys(), [...workloads.values()]));
}

/** The services of which an endpoint is on one of these hosts, is asked by one, or may be asked by another than it is. */
function servicesAskedBy({ lookUps, tables }: View, hosts: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const host of hosts) addAll(found, lookUps.endpointsOn.of(host));
  const isOthers = ({ node, checkedBy }: Endpoint) => node === undefined || node !== checkedBy;
  for (const service of lookUps.checked)
    if (tables.endpoints.get(service)?.value.endpoints.some(isOthers)) found.add(service);
  return found;
}

/** The services of which some endpoint is on a host, or would be if the host were not drained. */
export function servicesOn(view: View, host: string): readonly string[] {
  const { hostAt } = placesOf(view);
  const containers = [...view.tables.container].filter(([, { value }]) => value.host === host);
  const labels = containers.flatMap(([, { value }]) => (value.labels === undefined ? [] : [value.labels]));
  const names = containers.map(([name]) => name);
  const found = new Set(servicesWith(view, names, labels));
  return [
    ...addAll(
      found,
      servicesAt(view, (address) => hostAt(address) === host),
    ),
  ];
}

function addAll<T>(set: Set<T>, all: Iterable<T>): Set<T> {
  for (const one of all) set.add(one);
  return set;
}
