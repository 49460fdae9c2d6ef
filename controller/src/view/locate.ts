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
  if (key.startsWith(keys.servicePrefix)) return locateService(key.slice(keys.servicePrefix.length));
  for (const [prefix, kind] of SIMPLE) {
    if (key.startsWith(prefix)) return { kind, id: key.slice(prefix.length) };
  }
  if (key.startsWith(keys.subnetPrefix)) return locateLease(key.slice(keys.subnetPrefix.length));
  return undefined;
}

/** Tables whose rows are called what follows the prefix. */
const SIMPLE: readonly (readonly [prefix: string, kind: Kind])[] = [
  [keys.vip(''), 'vip'],
  [`${keys.allocationPrefix}node-port/`, 'nodePort'],
  [keys.nodePrefix, 'node'],
  [keys.alivePrefix, 'alive'],
  [keys.reportPrefix, 'report'],
  [keys.containerPrefix, 'container'],
  [keys.containerStatusPrefix, 'containerStatus'],
];

function locateService(rest: string): Location | undefined {
  const slash = rest.lastIndexOf('/');
  const id = rest.slice(0, slash);
  const what = rest.slice(slash + 1);
  if (slash < 1) return undefined;
  if (what === 'spec') return { kind: 'service', id };
  return what === 'endpoints' ? { kind: 'endpoints', id } : undefined;
}

/** `10.10.1.0-24`, or flannel's dual-stack form `10.10.1.0-24&fd00:0:0:1::-64`, whose IPv4 half counts here. */
function locateLease(rest: string): Location {
  return { kind: 'lease', id: (rest.split('&')[0] ?? rest).replace('-', '/') };
}
