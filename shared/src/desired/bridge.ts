import { invalid } from '../errors.ts';
import type { HostFacts } from '../model/host-facts.ts';
import { BRIDGE } from '../names.ts';
import { formatAddress, parseCidr } from '../net/cidr.ts';
import type { BridgeIntent } from './host.ts';

/** The bridge that this host's containers hang on; its address, the subnet's first, is their gateway. */
export function bridgeIntent(ownSubnet: string, facts: HostFacts): BridgeIntent {
  const subnet = parseCidr(ownSubnet);
  if (subnet === undefined) throw invalid('subnet', ownSubnet, 'is no IPv4 CIDR');
  return { name: BRIDGE, address: `${formatAddress(subnet.base + 1)}/${subnet.length}`, mtu: facts.mtu };
}
