import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import type { NodeRecord } from '@causeway/shared/model/node';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { entriesOf } from '@causeway/shared/net/family';
import { placesOf, silentHosts } from '../view/facts.ts';
import type { Change, Stored } from '../view/tables.ts';
import type { View } from '../view/view.ts';
import { type Labels, selects } from './places.ts';
import { parseEndpointRef } from './ref.ts';

/** What a batch of changes touches, apart from the services that it names. */
interface Touched {
  readonly services: Set<string>;
  /** Names of containers and workloads, and the labels that these carry or carried. */
  readonly names: Set<string>;
  readonly labels: Labels[];
  /** Hosts that came, went, or are used again. */
  readonly hosts: Set<string>;
  /** Addresses may be on other hosts than before. */
  areSubnetsOther: boolean;
}

/** The services whose endpoints may be others after these changes. */
export function concerned(changes: readonly Change[], view: View): ReadonlySet<string> {
  const touched: Touched = {
    services: new Set(),
    names: new Set(),
    labels: [],
    hosts: new Set(),
    areSubnetsOther: false,
  };
  for (const change of changes) note(change, view, touched);
  const { services, names, labels, hosts, areSubnetsOther } = touched;
  if (names.size > 0 || areSubnetsOther) {
    for (const [name, { value: spec }] of view.tables.service)
      if (leadsTo(spec, names, areSubnetsOther) || isSelected(spec, labels, areSubnetsOther))
        services.add(name);
  }
  if (hosts.size > 0) for (const name of servicesAskedBy(view, hosts)) services.add(name);
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
      touched.areSubnetsOther = true;
      break;
    case 'alive':
    case 'node':
      if (change.kind === 'node' && addressesIn(change.before) !== addressesIn(change.after))
        touched.areSubnetsOther = true;
      // One more or less that is silent decides over all others that are.
      if (change.before?.value.id !== change.after?.value.id)
        for (const host of [change.id, ...silentHosts(view)]) touched.hosts.add(host);
      break;
    case 'policy':
      if (change.before?.value.drained !== change.after?.value.drained)
        for (const name of servicesOn(view, change.id)) touched.services.add(name);
      break;
    case 'health':
      for (const service of judgedAnew(change.before?.value, change.after?.value))
        touched.services.add(service);
      break;
  }
}

/** Where a host itself is. */
function addressesIn(row: Stored<NodeRecord> | undefined): string {
  if (row === undefined) return '';
  return [...row.value.addresses, ...entriesOf(row.value).map(([, { publicIp }]) => publicIp)].sort().join();
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

function leadsTo(spec: ServiceSpec, names: ReadonlySet<string>, areSubnetsOther: boolean): boolean {
  return spec.endpoints.some(({ to }) => {
    const ref = parseEndpointRef(to);
    return ref?.name === undefined ? areSubnetsOther : names.has(ref.name) || areSubnetsOther;
  });
}

function isSelected({ selector }: ServiceSpec, labels: readonly Labels[], areSubnetsOther: boolean): boolean {
  return selector !== undefined && (areSubnetsOther || labels.some((one) => selects(selector, one)));
}

/** The services of which an endpoint is on one of these hosts, is asked by one, or may be asked by another than it is. */
function servicesAskedBy(view: View, hosts: ReadonlySet<string>): readonly string[] {
  return [...view.tables.endpoints].flatMap(([name, { value: set }]) => {
    const isChecked = view.tables.service.get(name)?.value.health !== undefined;
    const isTheirs = ({ node, checkedBy }: Endpoint) =>
      (node !== undefined && hosts.has(node)) || (isChecked && (node === undefined || node !== checkedBy));
    return set.endpoints.some(isTheirs) ? [name] : [];
  });
}

/** The services of which some endpoint is on a host, or would be if the host were not drained. */
export function servicesOn(view: View, host: string): readonly string[] {
  const { hostAt, container, workload, selected } = placesOf(view);
  const isOn = (address: string) => hostAt(address) === host;
  const isNameOn = (name: string) =>
    container(name)?.host === host || (workload(name)?.addresses.some(isOn) ?? false);
  return [...view.tables.service].flatMap(([name, { value: spec }]) => {
    const isRefOn = ({ to }: { readonly to: string }) => {
      const ref = parseEndpointRef(to);
      return ref !== undefined && (ref.name === undefined ? isOn(ref.address) : isNameOn(ref.name));
    };
    const isThere =
      spec.endpoints.some(isRefOn) || (spec.selector !== undefined && selected(spec.selector).some(isNameOn));
    return isThere ? [name] : [];
  });
}
