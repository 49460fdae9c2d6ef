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
  if (key.startsWith(keys.servicePrefix)) return locatePart(key.slice(keys.servicePrefix.length), SERVICE);
  if (key.startsWith(keys.policyPrefix)) return locatePart(key.slice(keys.policyPrefix.length), POLICY);
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
  [keys.imagePrefix, 'image'],
  [keys.imageHolderPrefix, 'imageHolder'],
];

/** Tables whose rows are called by a subnet: `10.10.1.0-24` is `10.10.1.0/24`. */
const BY_SUBNET: readonly (readonly [prefix: string, kind: Kind])[] = [
  [keys.claimPrefix, 'claim'],
  [keys.reservationPrefix, 'reservation'],
];

/** What the keys of a thing that has several are, by how they end. */
type Parts = Readonly<Record<string, Kind>>;
const SERVICE: Parts = { spec: 'service', endpoints: 'endpoints' };
const POLICY: Parts = { spec: 'networkPolicy', peers: 'policyPeers' };

function locatePart(rest: string, parts: Parts): Location | undefined {
  const slash = rest.lastIndexOf('/');
  const what = rest.slice(slash + 1);
  const kind = slash < 1 || !Object.hasOwn(parts, what) ? undefined : parts[what];
  return kind === undefined ? undefined : { kind, id: rest.slice(0, slash) };
}
