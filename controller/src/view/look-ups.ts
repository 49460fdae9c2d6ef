import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkPolicy, PolicyRule } from '@causeway/shared/model/network-policy';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { entriesOf } from '@causeway/shared/net/family';
import type { Labels } from '../endpoints/places.ts';
import { parseEndpointRef } from '../endpoints/ref.ts';
import { Multimap } from './multimap.ts';
import type { Change } from './tables.ts';

/**
 * What is asked of the tables otherwise than by the names of their rows, kept up change by change: where there are ten
 * thousand services, nobody walks through all of them because of one.
 */
export class LookUps {
  /** Services by the addresses, the hosts and the references of their endpoints, as these are stored. */
  readonly endpointsAt = new Multimap();
  readonly endpointsOn = new Multimap();
  readonly endpointsFrom = new Multimap();
  /** Services by the containers, workloads and addresses that their definitions name. */
  readonly naming = new Multimap();
  readonly pointingAt = new Multimap();
  /** Services that select, and services whose endpoints are asked for their health. */
  readonly selecting = new Set<string>();
  readonly checked = new Set<string>();
  /** Policies by the containers and workloads that their rules name, and policies whose rules select. */
  readonly policiesNaming = new Multimap();
  readonly policiesSelecting = new Set<string>();
  /** Workloads by address. */
  readonly workloadsAt = new Multimap();
  /** Containers and workloads by their labels, see `labelKey`. */
  readonly #labelled = { container: new Multimap(), workload: new Multimap() };
  /** Hosts by every address that they say is theirs, and keys of leases by the hosts' public addresses. */
  readonly hostsAt = new Multimap();
  readonly leasesAt = new Multimap();
  #hosts = 0;
  #leases = 0;

  /** Another number whenever a host's record has changed. */
  get hostsVersion(): number {
    return this.#hosts;
  }

  /** Another number whenever a lease of a subnet has changed. */
  get leasesVersion(): number {
    return this.#leases;
  }

  /** Takes in what a delivery changed. */
  note(changes: readonly Change[]): void {
    for (const change of changes) if (change.before !== change.after) this.#note(change);
  }

  /** Names of the containers and workloads that carry all of these labels, sorted; without labels, of all of them. */
  selected(selector: Labels): readonly string[] {
    const wanted = Object.entries(selector).map(labelKey);
    const found = new Set<string>();
    for (const labelled of Object.values(this.#labelled)) {
      const [rarest = NO_LABELS, ...others] = [...wanted].sort(
        (a, b) => labelled.countOf(a) - labelled.countOf(b),
      );
      for (const name of labelled.of(rarest))
        if (others.every((key) => labelled.has(key, name))) found.add(name);
    }
    return [...found].sort();
  }

  #note(change: Change): void {
    const { id } = change;
    switch (change.kind) {
      case 'service':
        this.#noteService(id, change.before?.value, change.after?.value);
        break;
      case 'endpoints':
        this.#noteEndpoints(id, change.before?.value.endpoints, change.after?.value.endpoints);
        break;
      case 'networkPolicy':
        this.policiesNaming.move(id, peersOf(change.before?.value), peersOf(change.after?.value));
        put(
          this.policiesSelecting,
          id,
          rulesOf(change.after?.value).some(({ peers }) => peers?.labels),
        );
        break;
      case 'workload':
        this.workloadsAt.move(id, change.before?.value.addresses ?? [], change.after?.value.addresses ?? []);
        this.#noteLabels(change);
        break;
      case 'container':
        this.#noteLabels(change);
        break;
      case 'node':
        this.#hosts += 1;
        this.hostsAt.move(id, addressesOf(change.before?.value), addressesOf(change.after?.value));
        break;
      case 'lease':
        this.#leases += 1;
        this.leasesAt.move(id, publicIpsOf(change.before?.value), publicIpsOf(change.after?.value));
        break;
    }
  }

  #noteService(id: string, before: ServiceSpec | undefined, after: ServiceSpec | undefined): void {
    const [had, has] = [placesOf(before), placesOf(after)];
    this.naming.move(id, had.names, has.names);
    this.pointingAt.move(id, had.addresses, has.addresses);
    put(this.selecting, id, after?.selector !== undefined);
    put(this.checked, id, after?.health !== undefined);
  }

  #noteEndpoints(id: string, before: readonly Endpoint[] = [], after: readonly Endpoint[] = []): void {
    const move = (map: Multimap, keyOf: (endpoint: Endpoint) => string | undefined) =>
      map.move(
        id,
        before.flatMap((one) => keyOf(one) ?? []),
        after.flatMap((one) => keyOf(one) ?? []),
      );
    move(this.endpointsAt, ({ address }) => address);
    move(this.endpointsOn, ({ node }) => node);
    move(this.endpointsFrom, ({ ref }) => ref);
  }

  #noteLabels({ kind, id, before, after }: Extract<Change, { kind: 'container' | 'workload' }>): void {
    this.#labelled[kind].move(id, labelKeys(before?.value), labelKeys(after?.value));
  }
}

/** Of everything that has labels or could have some. */
const NO_LABELS = '';

function labelKey([key, value]: readonly [string, string]): string {
  return JSON.stringify([key, value]);
}

function labelKeys(one: { readonly labels?: Labels } | undefined): readonly string[] {
  if (one?.labels === undefined) return [];
  return [NO_LABELS, ...Object.entries(one.labels).map(labelKey)];
}

function placesOf(spec: ServiceSpec | undefined) {
  const names: string[] = [];
  const addresses: string[] = [];
  for (const { to } of spec?.endpoints ?? []) {
    const ref = parseEndpointRef(to);
    if (ref?.name !== undefined) names.push(ref.name);
    else if (ref !== undefined) addresses.push(ref.address);
  }
  return { names, addresses };
}

function rulesOf(policy: NetworkPolicy | undefined): readonly PolicyRule[] {
  return [...(policy?.ingress?.rules ?? []), ...(policy?.egress?.rules ?? [])];
}

function peersOf(policy: NetworkPolicy | undefined): readonly string[] {
  return rulesOf(policy).flatMap(({ peers }) => peers?.containers ?? []);
}

function addressesOf(node: NodeRecord | undefined): readonly string[] {
  if (node === undefined) return [];
  return [...entriesOf(node).map(([, { publicIp }]) => publicIp), ...node.addresses];
}

function publicIpsOf(lease: SubnetLease | undefined): readonly string[] {
  return lease === undefined ? [] : entriesOf(lease).flatMap(([, { publicIp }]) => publicIp ?? []);
}

function put(set: Set<string>, id: string, isIn: boolean): void {
  if (isIn) set.add(id);
  else set.delete(id);
}
