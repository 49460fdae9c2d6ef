import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type HealthRecord, healthId } from '@causeway/shared/model/health';
import { keys } from '@causeway/shared/store/keys';
import { hostsBySubnet } from '../endpoints/hosts-by-subnet.ts';
import type { HealthVerdict, Places } from '../endpoints/places.ts';
import { keptFor } from './kept-for.ts';
import type { Tables } from './tables.ts';
import type { View } from './view.ts';

/**
 * The view as resolving endpoints sees it. A host whose sign of life cannot be read counts as alive. Where more than
 * half of all hosts are silent at once, and more than one, it is etcd or this controller that is cut off rather than
 * they: nobody is judged by his silence then. It is for this moment: after the next delivery another one is to be made.
 *
 * @param now milliseconds since the epoch
 */
export function placesOf(view: View, now = Date.now()): Places {
  const { tables } = view;
  let silent: readonly string[] | undefined;
  let live: readonly string[] | undefined;
  const isAlive = (host: string) => isHeard(view, host);
  const isCutOff = () => {
    silent ??= silentHosts(view);
    return silent.length > 1 && silent.length * 2 > tables.node.size;
  };
  return {
    container: (name) => tables.container.get(name)?.value,
    status: (name) => tables.containerStatus.get(name)?.value,
    workload: (name) => tables.workload.get(name)?.value,
    selected: (selector) => view.lookUps.selected(selector),
    hostAt: (address) => hostAt(view, address),
    isDrained: (host) => tables.policy.get(host)?.value.drained ?? false,
    isHost: (name) => tables.node.has(name),
    isAlive: (host) => isAlive(host) || isCutOff(),
    liveHosts: () => {
      live ??= [...tables.node.keys()].filter(isAlive);
      return live;
    },
    verdict: (host, service, endpoint) => verdictOf(tables.health.get(host)?.value, service, endpoint),
    now,
  };
}

const hostBySubnet = keptFor(
  (view) => [view.lookUps.leasesVersion],
  ({ tables }) => hostsBySubnet([...tables.lease.values()].map(({ value }) => value)),
);

/**
 * The host in whose subnet an address is, or whose own it is. One that several hosts have, such as that of the bridge which
 * Docker makes on every machine alike, says nothing of where it is.
 */
function hostAt(view: View, address: string): string | undefined {
  const { hostsAt } = view.lookUps;
  const own = () => (hostsAt.countOf(address) === 1 ? hostsAt.oneOf(address) : undefined);
  return hostBySubnet(view)(address) ?? own();
}

/** The hosts that have a record and no sign of life. */
export function silentHosts(view: View): readonly string[] {
  return [...view.tables.node.keys()].filter((host) => !isHeard(view, host));
}

function isHeard({ tables, unreadable }: View, host: string): boolean {
  return isHostAlive(tables, host) || unreadable.has(keys.alive(host));
}

/** Whether the agent of a host keeps it alive; of a host that another machine has taken the name of, it does not. */
function isHostAlive(tables: Tables, host: string): boolean {
  const alive = tables.alive.get(host)?.value;
  const node = tables.node.get(host)?.value;
  return alive !== undefined && (node === undefined || node.id === alive.id);
}

/** What each record says, by endpoint: a host may have thousands. */
const verdicts = new WeakMap<HealthRecord, ReadonlyMap<string, HealthVerdict>>();

function verdictOf(
  record: HealthRecord | undefined,
  service: string,
  { portName, address, port }: Endpoint,
): HealthVerdict | undefined {
  if (record === undefined) return undefined;
  let known = verdicts.get(record);
  if (known === undefined) {
    known = new Map<string, HealthVerdict>([
      ...(record.healthy ?? []).map((id) => [id, 'healthy'] as const),
      ...record.unhealthy.map((one) => [healthId(one), { complaint: one.reason }] as const),
    ]);
    verdicts.set(record, known);
  }
  const found = known.get(healthId({ service, portName, address, port }));
  return found ?? (record.healthy === undefined ? 'healthy' : undefined);
}
