import { CausewayError, invalid } from '../errors.ts';
import {
  type Block,
  bitsOf,
  blockAt,
  blockHasIp,
  blocksOverlap,
  formatBlock,
  formatIp,
  type Ip,
  isMapped,
  lastOfBlock,
  nthOfBlock,
  parseBlock,
  parseIp,
  sizeOfBlock,
} from '../net/block.ts';
import { type ByFamily, FAMILIES, FAMILY_NAMES, type Family, mapFamilies } from '../net/family.ts';
import { type BackendField, type BackendInput, completeBackend } from './backend.schema.ts';
import type { FamilyNetwork, NetworkConfig } from './network.ts';

/** A network as the operator states it; what is left out is completed by flannel's rules. */
export interface NetworkInput extends ByFamily<FamilyNetworkInput> {
  readonly backend?: BackendInput;
  /** Default: true. */
  readonly masquerade?: boolean;
  readonly nonMasqueradeCidrs?: readonly string[];
  readonly renumber?: string;
}

export interface FamilyNetworkInput {
  readonly network: string;
  /** 0 is the default, as in flannel. */
  readonly subnetLen?: number;
  /** The empty text and the address of zeros are the default, as in flannel. */
  readonly subnetMin?: string;
  readonly subnetMax?: string;
}

/** What can be wrong, as a refusal names it. */
export type NetworkField = `${keyof FamilyNetworkInput}${'' | 'Ipv6'}` | BackendField | 'nonMasqueradeCidrs';
/** Another name for each field, for whoever states them in a form of his own. */
export type NetworkFieldNames = (field: NetworkField) => string;

interface Rules {
  readonly example: string;
  /** The largest subnet that flannel gives a host unasked. */
  readonly usualLen: number;
  /** The smallest subnet: network, gateway, one container, broadcast. */
  readonly maxLen: number;
  /** Blocks that no container network can overlap. */
  readonly special: readonly string[];
}

const RULES: Readonly<Record<Family, Rules>> = {
  ipv4: {
    example: '10.10.0.0/16',
    usualLen: 24,
    maxLen: 30,
    special: ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'],
  },
  ipv6: {
    example: 'fd00:10::/48',
    usualLen: 64,
    maxLen: 126,
    // Unspecified, loopback, IPv4-mapped and translated; link-local and the former site-local; multicast.
    special: ['::/8', 'fe80::/9', 'ff00::/8'],
  },
};
/** The network must hold four subnets, since the first is never leased unasked. */
const MIN_DIFFERENCE = 2;

/**
 * Completes and checks a network by flannel's rules, each family on its own: host bits masked, SubnetLen 24 (64) or
 * two more than a small network's length, SubnetMin the second and SubnetMax the last subnet.
 *
 * @param nameOf what a refusal calls a field; default: as here
 * @throws CausewayError `invalid`, naming the field and the value
 */
export function completeNetworkConfig(
  input: NetworkInput,
  nameOf: NetworkFieldNames = (field) => field,
): NetworkConfig {
  const families = FAMILIES.filter((family) => input[family] !== undefined);
  if (families.length === 0)
    throw new CausewayError(
      'invalid',
      `${nameOf('network')} is missing: a network of IPv4, of IPv6 or of both is needed`,
      { field: nameOf('network') },
    );
  const { masquerade = true, renumber } = input;
  return {
    ...mapFamilies(input, (one, family) => completeFamily(family, one, nameOf)),
    backend: completeBackend(input.backend ?? {}, families, nameOf),
    masquerade,
    nonMasqueradeCidrs: checkedCidrs(input.nonMasqueradeCidrs ?? [], nameOf('nonMasqueradeCidrs')),
    ...(renumber === undefined || renumber === '' ? {} : { renumber }),
  };
}

/** How many hosts can have a subnet of this network; exact up to 2^53. */
export function subnetCount({ subnetMin, subnetMax, subnetLen }: FamilyNetwork): number {
  const [min, max] = [parseIp(subnetMin), parseIp(subnetMax)];
  if (min === undefined || max === undefined || max.value < min.value) return 0;
  return Number(((max.value - min.value) >> BigInt(bitsOf(min.family) - subnetLen)) + 1n);
}

/** Whether hosts can lease this very block. */
export function isSubnetOf(block: Block, { subnetMin, subnetMax, subnetLen }: FamilyNetwork): boolean {
  const [min, max] = [parseIp(subnetMin), parseIp(subnetMax)];
  if (min === undefined || max === undefined) return false;
  const ofFamily = block.family === min.family && block.length === subnetLen;
  return ofFamily && block.base >= min.value && block.base <= max.value;
}

function completeFamily(family: Family, input: FamilyNetworkInput, nameOf: NetworkFieldNames): FamilyNetwork {
  const fieldOf = (field: keyof FamilyNetworkInput) => nameOf(family === 'ipv4' ? field : `${field}Ipv6`);
  const network = checkedNetwork(family, input.network, fieldOf('network'));
  const subnetLen = checkedSubnetLen(network, input.subnetLen, fieldOf('subnetLen'));
  const bound = (field: 'subnetMin' | 'subnetMax', usual: Ip): Ip =>
    checkedBound(network, subnetLen, input[field], fieldOf(field)) ?? usual;
  const second = nthOfBlock(network, sizeOfBlock({ ...network, length: subnetLen }));
  const min = bound('subnetMin', second);
  const max = bound('subnetMax', { family, value: blockAt(lastOfBlock(network), subnetLen).base });
  if (max.value < min.value)
    throw invalid(fieldOf('subnetMax'), formatIp(max), `is below ${fieldOf('subnetMin')} ${formatIp(min)}`);
  return { network: formatBlock(network), subnetLen, subnetMin: formatIp(min), subnetMax: formatIp(max) };
}

function checkedNetwork(family: Family, text: string, field: string): Block {
  const { example, special, maxLen } = RULES[family];
  if (text === '')
    throw new CausewayError('invalid', `${field} is missing: a network of the form ${example} is needed`, {
      field,
    });
  const network = parseBlock(text);
  if (network?.family !== family)
    throw invalid(field, text, `is not an ${FAMILY_NAMES[family]} network of the form ${example}`);
  const met = special.find((block) => blocksOverlap(network, mustBlock(block)));
  if (met !== undefined) throw invalid(field, text, `overlaps ${met}, which containers cannot use`);
  if (network.length + MIN_DIFFERENCE > maxLen)
    throw invalid(
      field,
      text,
      `is too small: a /${maxLen - MIN_DIFFERENCE} or larger is needed, four subnets of /${maxLen}`,
    );
  return network;
}

function checkedSubnetLen(network: Block, subnetLen: number | undefined, field: string): number {
  const { usualLen, maxLen } = RULES[network.family];
  const least = network.length + MIN_DIFFERENCE;
  if (subnetLen === undefined || subnetLen === 0) return Math.max(usualLen, least);
  if (Number.isInteger(subnetLen) && subnetLen >= least && subnetLen <= maxLen) return subnetLen;
  throw invalid(
    field,
    subnetLen,
    `does not fit the network ${formatBlock(network)}: a whole number from ${least} (four subnets) to ${maxLen} is needed`,
  );
}

/** @returns undefined where the default holds */
function checkedBound(
  network: Block,
  subnetLen: number,
  text: string | undefined,
  field: string,
): Ip | undefined {
  if (text === undefined || text === '') return undefined;
  const ip = parseIp(text);
  if (ip?.family !== network.family)
    throw invalid(field, text, `is not an ${FAMILY_NAMES[network.family]} address`);
  if (ip.value === 0n) return undefined;
  if (!blockHasIp(network, ip))
    throw invalid(field, text, `is not inside the network ${formatBlock(network)}`);
  if (blockAt(ip, subnetLen).base !== ip.value)
    throw invalid(field, text, `is not the first address of a /${subnetLen} subnet`);
  return ip;
}

/** Canonical, each once, in the order given. */
function checkedCidrs(texts: readonly string[], field: string): readonly string[] {
  const blocks = texts.map((text, i) => {
    const block = parseBlock(text);
    if (block === undefined)
      throw invalid(`${field}[${i}]`, text, 'is not a network of the form 10.0.0.0/8 or fd00::/8');
    // Every host would refuse its whole ruleset for it.
    if (isMapped({ ...block, value: block.base }))
      throw invalid(`${field}[${i}]`, text, 'is IPv4 in the words of IPv6: write it as 10.0.0.0/8');
    return formatBlock(block);
  });
  return [...new Set(blocks)];
}

function mustBlock(text: string): Block {
  const block = parseBlock(text);
  if (block === undefined) throw new CausewayError('internal', `the constant ${text} is no network`);
  return block;
}
