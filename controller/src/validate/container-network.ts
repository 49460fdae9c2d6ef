import { invalid } from '@causeway/shared/errors';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import type { MacvlanMode, NetworkMode } from '@causeway/shared/model/container-network';
import { LINK_PREFIX } from '@causeway/shared/names';
import {
  type Block,
  bitsOf,
  blockHasIp,
  formatBlock,
  formatIp,
  type Ip,
  lastOfBlock,
  parseBlock,
} from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { unicastAddress } from './address.ts';

const NOT_ADDRESS = 'is not an address such as "10.10.1.5" or "fd00:10:0:1::5"';
const NOT_CIDR = 'is not an address with a prefix length, such as "192.168.122.50/24"';

/**
 * The mode that a definition asks for, with addresses in their canonical form.
 *
 * @param name of the container itself
 * @returns undefined for a plain port of the bridge
 * @throws CausewayError `invalid`
 */
export function checkNetwork(name: string, mode: ParsedContainerInput['network']): NetworkMode | undefined {
  switch (mode?.kind) {
    case undefined:
      return undefined;
    case 'host':
    case 'none':
      return mode;
    case 'container':
      if (mode.container === name) throw invalid('network.container', name, 'is the container itself');
      return mode;
    case 'macvlan':
      return macvlan(mode);
    case 'p2p':
      if (mode.peer === name) throw invalid('network.peer', name, 'is the container itself');
      return { kind: 'p2p', peer: mode.peer, ...chosen(mode) };
    case 'bridge': {
      const own = { ...chosen(mode), ...(mode.mac === undefined ? {} : { mac: mode.mac }) };
      return Object.keys(own).length === 0 ? undefined : { kind: 'bridge', ...own };
    }
  }
}

/** One address per family, each in its own field. */
function chosen(mode: { readonly address?: string | undefined; readonly ipv6Address?: string | undefined }) {
  const address = ofFamily('network.address', mode.address, 'ipv4');
  const ipv6Address = ofFamily('network.ipv6Address', mode.ipv6Address, 'ipv6');
  return {
    ...(address === undefined ? {} : { address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
  };
}

function ofFamily(field: string, text: string | undefined, family: Family): string | undefined {
  if (text === undefined) return undefined;
  const ip = unicastAddress(field, text, text, NOT_ADDRESS);
  if (ip.family !== family) throw invalid(field, text, `is not an ${FAMILY_NAMES[family]} address`);
  return formatIp(ip);
}

type MacvlanInput = Extract<NonNullable<ParsedContainerInput['network']>, { kind: 'macvlan' }>;

function macvlan({ device, addresses, gateways, mac }: MacvlanInput): MacvlanMode {
  if (device.startsWith(LINK_PREFIX))
    throw invalid('network.device', device, 'is a link of Causeway: one of the host itself is needed');
  const taken = new Map<Family, { readonly ip: Ip; readonly block: Block }>();
  const own = addresses.map((text, index) => {
    const field = `network.addresses[${index}]`;
    const { ip, block } = interfaceAddress(field, text);
    if (taken.has(ip.family))
      throw invalid(
        field,
        text,
        `is a second ${FAMILY_NAMES[ip.family]} address: one of each family is possible`,
      );
    taken.set(ip.family, { ip, block });
    return `${formatIp(ip)}/${block.length}`;
  });
  const seen = new Set<Family>();
  const ways = gateways.map((text, index) => {
    const field = `network.gateways[${index}]`;
    const ip = unicastAddress(field, text, text, NOT_ADDRESS);
    const at = taken.get(ip.family);
    if (at === undefined)
      throw invalid(
        field,
        text,
        `needs an ${FAMILY_NAMES[ip.family]} address of the container in its network`,
      );
    if (!blockHasIp(at.block, ip))
      throw invalid(
        field,
        text,
        `is not in ${formatBlock(at.block)}, the network of the container's address`,
      );
    if (at.ip.value === ip.value) throw invalid(field, text, "is the container's own address");
    if (seen.has(ip.family)) throw invalid(field, text, `is a second ${FAMILY_NAMES[ip.family]} gateway`);
    seen.add(ip.family);
    return formatIp(ip);
  });
  return {
    ...{ kind: 'macvlan', device, addresses: own, gateways: ways },
    ...(mac === undefined ? {} : { mac }),
  };
}

/** An address with the network that it is in. */
function interfaceAddress(field: string, text: string): { readonly ip: Ip; readonly block: Block } {
  const block = parseBlock(text);
  if (block === undefined) throw invalid(field, text, NOT_CIDR);
  const ip = unicastAddress(field, text.split('/')[0] ?? '', text, NOT_CIDR);
  checkHostPart(field, text, ip, block);
  return { ip, block };
}

/**
 * @param block the network that the address is in
 * @throws CausewayError `invalid` for the address of a network itself, and of everybody in it
 */
export function checkHostPart(field: string, text: string, ip: Ip, block: Block): void {
  // Networks of one or two addresses have neither (RFC 3021, RFC 6164).
  if (block.length >= bitsOf(ip.family) - 1) return;
  if (ip.value === block.base)
    throw invalid(field, text, `is the address of the network ${formatBlock(block)} itself`);
  if (ip.family === 'ipv4' && ip.value === lastOfBlock(block).value)
    throw invalid(field, text, `is the broadcast address of ${formatBlock(block)}`);
}
