import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { completeNetworkConfig } from '@causeway/shared/model/network.schema';
import { DEFAULT_SETTINGS, type Settings } from '@causeway/shared/model/settings';
import { formatCidr, overlaps, parseCidr } from '@causeway/shared/net/cidr';
import { decodeSettings, encode } from '@causeway/shared/store/codec';
import { decodeNetworkConfig, encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';

/** The cluster as the flags ask for it. What was not asked for is undefined: an existing cluster's own counts. */
export interface Wanted {
  readonly network?: string;
  readonly subnetLen?: number;
  readonly serviceRange?: string;
  readonly nodePorts?: { readonly min: number; readonly max: number };
}

export interface Cluster {
  readonly config: NetworkConfig;
  readonly settings: Settings;
}

export const DEFAULT_NETWORK = '10.10.0.0/16';

/** First and longest pause while etcd is not there, milliseconds. */
const WAIT_MIN_MS = 100;
const WAIT_MAX_MS = 1_000;

/**
 * What a new cluster of these flags is.
 *
 * @throws CausewayError `invalid`: a network too small for hosts, ranges that overlap, no CIDR
 */
export function newCluster(wanted: Wanted): Cluster {
  const config = completeNetworkConfig({
    network: wanted.network ?? DEFAULT_NETWORK,
    ...(wanted.subnetLen === undefined ? {} : { subnetLen: wanted.subnetLen }),
  });
  const settings: Settings = {
    serviceRange: serviceRange(wanted.serviceRange ?? DEFAULT_SETTINGS.serviceRange),
    nodePortMin: wanted.nodePorts?.min ?? DEFAULT_SETTINGS.nodePortMin,
    nodePortMax: wanted.nodePorts?.max ?? DEFAULT_SETTINGS.nodePortMax,
  };
  checkDisjoint(config, settings);
  return { config, settings };
}

/**
 * Writes the network's configuration and the settings where there are none, and compares them where there are.
 * Waits for etcd for as long as it takes.
 *
 * @param onWait is told why it waits, each time
 * @throws CausewayError `conflict` when the cluster in etcd is not the one that was asked for, `unreadable`
 */
export async function ensureCluster(
  store: Store,
  wanted: Wanted,
  onWait: (reason: string) => void,
  signal?: AbortSignal,
): Promise<Cluster> {
  const cluster = newCluster(wanted);
  for (let pause = WAIT_MIN_MS; ; pause = Math.min(pause * 2, WAIT_MAX_MS)) {
    try {
      const config = await adopt(
        store,
        keys.networkConfig,
        encodeNetworkConfig(cluster.config),
        decodeNetworkConfig,
      );
      checkSame('network', wanted.network && cluster.config.network, config.network);
      checkSame('subnet-len', wanted.subnetLen, config.subnetLen);
      const settings = await adopt(store, keys.settings, encode(cluster.settings), decodeSettings);
      checkSame('service-range', wanted.serviceRange && cluster.settings.serviceRange, settings.serviceRange);
      checkSame('node-port-range', wanted.nodePorts && portRange(cluster.settings), portRange(settings));
      checkDisjoint(config, settings);
      return { config, settings };
    } catch (error) {
      if (!(error instanceof CausewayError) || !['unreachable', 'timeout'].includes(error.code)) throw error;
      onWait(error.message);
      await sleep(pause, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Writes a value if there is none. @returns what is there */
async function adopt<T>(
  store: Store,
  key: string,
  value: string,
  decode: (kv: KeyValue) => T | CausewayError,
): Promise<T> {
  await store.transaction([{ key, absent: true }], [{ put: key, value }]);
  const found = await store.get(key);
  if (found === undefined) throw new CausewayError('unreachable', `reading ${key}: it went away`);
  const decoded = decode(found);
  if (decoded instanceof CausewayError) throw decoded;
  return decoded;
}

function checkSame(flag: string, wanted: string | number | undefined, found: string | number): void {
  if (wanted === undefined || wanted === found) return;
  throw new CausewayError(
    'conflict',
    `--${flag} ${wanted} is not what this cluster in etcd has, ${found}: leave the flag out to go on with that, or use another etcd`,
    { field: flag, value: wanted },
  );
}

function serviceRange(text: string): string {
  const range = parseCidr(text);
  if (range === undefined)
    throw invalid('service-range', text, 'is not an IPv4 network of the form 10.96.0.0/16');
  const special = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].find((block) => {
    const other = parseCidr(block);
    return other !== undefined && overlaps(other, range);
  });
  if (special !== undefined) throw invalid('service-range', text, `overlaps ${special}, where no VIP can be`);
  return formatCidr(range);
}

function checkDisjoint(config: NetworkConfig, settings: Settings): void {
  const network = parseCidr(config.network);
  const range = parseCidr(settings.serviceRange);
  if (network === undefined || range === undefined || !overlaps(network, range)) return;
  throw invalid('service-range', settings.serviceRange, `overlaps the container network ${config.network}`);
}

function portRange(settings: Settings): string {
  return `${settings.nodePortMin}-${settings.nodePortMax}`;
}
