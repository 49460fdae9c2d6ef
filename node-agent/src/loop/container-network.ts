import type { BridgeIntent, OwnSubnets } from '@causeway/shared/desired/host';
import type { HostFacts } from '@causeway/shared/model/host-facts';
import { familyOf } from '@causeway/shared/net/block';
import { byFamily, mapFamilies } from '@causeway/shared/net/family';
import type { ContainerNetwork } from '../containers/runtime.ts';

/** What containers are told of their host's network: the families that the bridge has an address in. Pure. */
export function containerNetwork(
  subnets: OwnSubnets,
  bridge: BridgeIntent,
  facts: HostFacts,
): ContainerNetwork {
  const { name, mtu, addresses } = bridge;
  const plain = addresses.map((address) => address.split('/')[0] ?? '');
  const gateways = byFamily((family) => plain.find((address) => familyOf(address) === family));
  return {
    ...{ subnets: mapFamilies(gateways, (_, family) => subnets[family]), gateways, bridge: name, mtu },
    hostAddresses: byFamily((family) => facts[family]?.publicIp),
  };
}
