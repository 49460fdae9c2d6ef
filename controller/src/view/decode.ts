import {
  type Decoded,
  decodeAlive,
  decodeContainer,
  decodeContainerStatus,
  decodeEndpointSet,
  decodeNode,
  decodeReport,
  decodeServiceSpec,
  decodeSettings,
} from '@causeway/shared/store/codec';
import { decodeLease, decodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import type { KeyValue } from '@causeway/shared/store/store';
import type { Kind, Rows } from './tables.ts';

/** How the value of each table's keys is read. */
export const DECODERS: { readonly [K in Kind]: (kv: KeyValue) => Decoded<Rows[K]> } = {
  service: decodeServiceSpec,
  endpoints: decodeEndpointSet,
  vip: (kv) => kv.value,
  nodePort: (kv) => kv.value,
  node: decodeNode,
  alive: decodeAlive,
  report: decodeReport,
  container: decodeContainer,
  containerStatus: decodeContainerStatus,
  lease: decodeLease,
  config: decodeNetworkConfig,
  settings: decodeSettings,
};
