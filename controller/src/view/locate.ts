import { keys } from '@causeway/shared/store/keys';
import type { Kind } from './tables.ts';

/** Which row of which table a key of etcd is. */
export interface Location {
  readonly kind: Kind;
  readonly id: string;
}

/** @returns undefined for a key that the controller has no use for. */
export function locate(key: string): Location | undefined {
  if (key === keys.networkConfig) return { kind: 'config', id: '' };
  if (key === keys.settings) return { kind: 'settings', id: '' };
  if (key === keys.acceptedNetwork) return { kind: 'accepted', id: '' };
  if (key.startsWith(keys.servicePrefix)) return locateService(key.slice(keys.servicePrefix.length));
  for (const [prefix, kind] of SIMPLE) {
    if (key.startsWith(prefix)) return { kind, id: key.slice(prefix.length) };
  }
  for (const [prefix, kind] of BY_SUBNET) {
    if (key.startsWith(prefix)) return { kind, id: key.slice(prefix.length).replace(/-(\d+)$/, '/$1') };
  }
  return undefined;
}

/** Tables whose rows are called what follows the prefix. */
const SIMPLE: readonly (readonly [prefix: string, kind: Kind])[] = [
  [keys.vip(''), 'vip'],
  [`${keys.allocationPrefix}node-port/`, 'nodePort'],
  [keys.publishedPrefix, 'published'],
  [keys.containerAddressPrefix, 'containerAddress'],
  [keys.subnetPrefix, 'lease'],
  [keys.nodePrefix, 'node'],
  [keys.nodePolicyPrefix, 'policy'],
  [keys.alivePrefix, 'alive'],
  [keys.eventPrefix, 'event'],
  [keys.reportPrefix, 'report'],
  [keys.containerPrefix, 'container'],
  [keys.containerStatusPrefix, 'containerStatus'],
  [keys.workloadPrefix, 'workload'],
  [keys.healthPrefix, 'health'],
  [keys.agentPrefix, 'agent'],
];

/** Tables whose rows are called by a subnet: `10.10.1.0-24` is `10.10.1.0/24`. */
const BY_SUBNET: readonly (readonly [prefix: string, kind: Kind])[] = [
  [keys.claimPrefix, 'claim'],
  [keys.reservationPrefix, 'reservation'],
];

function locateService(rest: string): Location | undefined {
  const slash = rest.lastIndexOf('/');
  const id = rest.slice(0, slash);
  const what = rest.slice(slash + 1);
  if (slash < 1) return undefined;
  if (what === 'spec') return { kind: 'service', id };
  return what === 'endpoints' ? { kind: 'endpoints', id } : undefined;
}
