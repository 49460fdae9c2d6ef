import { BRIDGE } from '../names.ts';
import { FAMILIES } from '../net/family.ts';
import { ownSubnet } from './here.ts';
import type { BridgeIntent, OwnSubnets } from './host.ts';

/**
 * The bridge that this host's containers hang on; its addresses, the subnets' second ones, are their gateways.
 *
 * @param mtu bytes
 * @param name absent: the usual one
 * @throws CausewayError `invalid` when a subnet is no CIDR of its family
 */
export function bridgeIntent(own: OwnSubnets, mtu: number, name = BRIDGE): BridgeIntent {
  const addresses = FAMILIES.flatMap((family) => {
    const subnet = ownSubnet(own[family], family);
    return subnet === undefined ? [] : `${subnet.gateway}/${subnet.block.length}`;
  });
  return { name, addresses, mtu };
}
