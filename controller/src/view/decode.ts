import { CausewayError } from '@causeway/shared/errors';
import {
  type Decoded,
  decodeAgent,
  decodeAlive,
  decodeClaim,
  decodeContainer,
  decodeContainerStatus,
  decodeEndpointSet,
  decodeEvent,
  decodeHealth,
  decodeImage,
  decodeImageHolder,
  decodeNode,
  decodeNodePolicy,
  decodePolicy,
  decodePolicyPeers,
  decodePublished,
  decodeReport,
  decodeReservation,
  decodeServiceSpec,
  decodeSettings,
  decodeWorkload,
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
  published: decodePublished,
  containerAddress: (kv) => kv.value,
  node: decodeNode,
  alive: decodeAlive,
  report: decodeReport,
  container: decodeContainer,
  containerStatus: decodeContainerStatus,
  workload: decodeWorkload,
  health: decodeHealth,
  agent: decodeAgent,
  image: decodeImage,
  imageHolder: decodeImageHolder,
  lease: decodeLease,
  claim: claimant,
  reservation: decodeReservation,
  policy: decodeNodePolicy,
  networkPolicy: decodePolicy,
  policyPeers: decodePolicyPeers,
  event: decodeEvent,
  config: decodeNetworkConfig,
  accepted: decodeNetworkConfig,
  settings: decodeSettings,
};

/** The id of the host that has a subnet. */
function claimant(kv: KeyValue): Decoded<string> {
  const claim = decodeClaim(kv);
  return claim instanceof CausewayError ? claim : claim.id;
}
