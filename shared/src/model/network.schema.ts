import { invalid } from '../errors.ts';
import {
  type Cidr,
  containsAddress,
  formatAddress,
  formatCidr,
  lastAddress,
  maskTo,
  overlaps,
  parseAddress,
  parseCidr,
  sizeOf,
} from '../net/cidr.ts';
import type { NetworkConfig } from './network.ts';

/** A network as the operator states it; what is left out is completed by flannel's rules. */
export interface NetworkInput {
  readonly network: string;
  readonly subnetLen?: number;
  readonly subnetMin?: string;
  readonly subnetMax?: string;
}

/** The largest subnet that flannel gives a host unasked. */
const USUAL_SUBNET_LEN = 24;
/** The smallest subnet: network, gateway, one container, broadcast. */
const MAX_SUBNET_LEN = 30;
/** The network must hold four subnets, since the first is never leased unasked. */
const MIN_DIFFERENCE = 2;
/** Blocks that no container network can overlap. */
const SPECIAL = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'];

/**
 * Completes and checks a network by flannel's rules: host bits masked, SubnetLen 24 or two more than a small
 * network's length, SubnetMin the second and SubnetMax the last subnet.
 *
 * @throws CausewayError `invalid`, naming the field and the value
 */
export function completeNetworkConfig(input: NetworkInput): NetworkConfig {
  const network = parseCidr(input.network);
  if (network === undefined)
    throw invalid('network', input.network, 'is not an IPv4 network of the form 10.10.0.0/16');
  const special = SPECIAL.find((text) => {
    const block = parseCidr(text);
    return block !== undefined && overlaps(block, network);
  });
  if (special !== undefined)
    throw invalid('network', input.network, `overlaps ${special}, which containers cannot use`);
  const subnetLen = checkedSubnetLen(input, network);
  const { min, max } = checkedBounds(input, network, subnetLen);
  return {
    network: formatCidr(network),
    subnetLen,
    subnetMin: formatAddress(min),
    subnetMax: formatAddress(max),
    backend: 'host-gw',
  };
}

/** How many hosts can have a subnet of this network. */
export function subnetCount(config: NetworkConfig): number {
  const min = parseAddress(config.subnetMin) ?? 0;
  const max = parseAddress(config.subnetMax) ?? -1;
  return max < min ? 0 : (max - min) / sizeOf(config.subnetLen) + 1;
}

function checkedSubnetLen(input: NetworkInput, network: Cidr): number {
  const least = network.length + MIN_DIFFERENCE;
  if (least > MAX_SUBNET_LEN)
    throw invalid('network', input.network, 'is too small: a /28 or larger is needed, four subnets of /30');
  const { subnetLen } = input;
  if (subnetLen === undefined || subnetLen === 0) return Math.max(USUAL_SUBNET_LEN, least);
  if (!Number.isInteger(subnetLen) || subnetLen < least || subnetLen > MAX_SUBNET_LEN)
    throw invalid(
      'subnetLen',
      subnetLen,
      `does not fit the network ${formatCidr(network)}: a whole number from ${least} (four subnets) to ${MAX_SUBNET_LEN} is needed`,
    );
  return subnetLen;
}

function checkedBounds(input: NetworkInput, network: Cidr, subnetLen: number): { min: number; max: number } {
  const size = sizeOf(subnetLen);
  const bound = (field: 'subnetMin' | 'subnetMax', usual: number) => {
    const text = input[field];
    if (text === undefined || text === '' || text === '0.0.0.0') return usual;
    const address = parseAddress(text);
    if (address === undefined) throw invalid(field, text, 'is not an IPv4 address');
    if (!containsAddress(network, address))
      throw invalid(field, text, `is not inside the network ${formatCidr(network)}`);
    if (maskTo(address, subnetLen) !== address)
      throw invalid(field, text, `is not the first address of a /${subnetLen} subnet`);
    return address;
  };
  const min = bound('subnetMin', network.base + size);
  const max = bound('subnetMax', lastAddress(network) - size + 1);
  if (max < min) throw invalid('subnetMax', formatAddress(max), `is below subnetMin ${formatAddress(min)}`);
  return { min, max };
}
