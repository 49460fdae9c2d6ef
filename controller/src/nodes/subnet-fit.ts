import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { FamilyNetwork, NetworkConfig } from '@causeway/shared/model/network';
import {
  type Block,
  blockHasBlock,
  blocksOverlap,
  formatBlock,
  parseBlock,
  parseIp,
} from '@causeway/shared/net/block';
import { entriesOf, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import type { Tables } from '../view/tables.ts';

/** The fields of the API, per family. */
export const SUBNET_FIELDS: Readonly<Record<Family, string>> = { ipv4: 'subnet', ipv6: 'subnetIpv6' };

/**
 * Reads a subnet that somebody wants for a host.
 *
 * @returns it as it is written everywhere
 * @throws CausewayError `invalid` unless it is one that the network leases to hosts
 */
export function checkedSubnet(family: Family, text: string, config: NetworkConfig): string {
  const field = SUBNET_FIELDS[family];
  const block = parseBlock(text);
  if (block === undefined || block.family !== family || !text.includes('/')) {
    const example = family === 'ipv4' ? '10.10.5.0/24' : 'fd00:10:0:5::/64';
    throw invalid(field, text, `is not an ${FAMILY_NAMES[family]} subnet such as ${example}`);
  }
  const network = config[family];
  if (network === undefined)
    throw invalid(field, text, `cannot be: the network has no ${FAMILY_NAMES[family]}`);
  checkInside(field, text, block, network);
  if (block.base !== parseIp(text.split('/')[0] ?? '')?.value)
    throw invalid(field, text, `is not the first address of a subnet: ${formatBlock(block)} is`);
  return formatBlock(block);
}

function checkInside(field: string, text: string, block: Block, family: FamilyNetwork): void {
  const network = parseBlock(family.network);
  if (network === undefined || !blockHasBlock(network, block))
    throw invalid(field, text, `is not inside the container network ${family.network}`);
  if (block.length !== family.subnetLen)
    throw invalid(
      field,
      text,
      `is not a /${family.subnetLen}, as all hosts' subnets of ${family.network} are`,
    );
  const [min, max] = [parseIp(family.subnetMin), parseIp(family.subnetMax)];
  if (min === undefined || max === undefined || block.base < min.value || block.base > max.value)
    throw invalid(
      field,
      text,
      `is outside of what is leased, ${family.subnetMin} to ${family.subnetMax} (SubnetMin, SubnetMax)`,
    );
}

/** Who wants a subnet: a host by its name, and the id that it has joined with. */
export interface Claimant {
  readonly name: string;
  readonly id: string | undefined;
}

/** @throws CausewayError `conflict` when another host leases it, claims it or has it reserved, or part of it */
export function checkFree(family: Family, subnet: string, by: Claimant, tables: Tables): void {
  const wanted = parseBlock(subnet);
  if (wanted === undefined) return;
  const meets = (text: string) => {
    const other = parseBlock(text);
    return other !== undefined && blocksOverlap(other, wanted);
  };
  for (const { value } of tables.reservation.values()) {
    if (value.node !== by.name && meets(value.subnet))
      throw taken(family, subnet, value.subnet, `is reserved for host "${value.node}"`);
  }
  for (const { value } of tables.lease.values()) {
    if (isOf(value, by)) continue;
    const theirs = entriesOf(value).find(([, { subnet: text }]) => meets(text))?.[1].subnet;
    if (theirs !== undefined) throw taken(family, subnet, theirs, `is leased by ${holder(value)}`);
  }
  for (const [text, { value: id }] of tables.claim) {
    if (id !== by.id && meets(text))
      throw taken(family, subnet, text, `is claimed by ${claimer(id, tables)}`);
  }
}

/** @throws CausewayError `conflict` when nobody can read whose the subnet is */
export function checkReadable(family: Family, subnet: string, unreadable: ReadonlyMap<string, string>): void {
  const why = unreadable.get(keys.reservation(subnet)) ?? unreadable.get(keys.claim(subnet));
  if (why !== undefined) throw taken(family, subnet, subnet, `may be another host's: ${why}`);
}

function isOf(lease: SubnetLease, by: Claimant): boolean {
  return lease.node !== undefined && lease.node.id === by.id;
}

function holder({ node, ipv4, ipv6 }: SubnetLease): string {
  if (node !== undefined) return `host "${node.name}"`;
  return `the flannel host ${ipv4?.publicIp ?? ipv6?.publicIp ?? 'of an unknown address'}`;
}

function claimer(id: string, tables: Tables): string {
  const lease = [...tables.lease.values()].find(({ value }) => value.node?.id === id);
  return lease === undefined ? `the host of id ${show(id)}` : holder(lease.value);
}

function taken(family: Family, wanted: string, theirs: string, how: string): CausewayError {
  const which = theirs === wanted ? '' : `overlaps ${theirs}, which `;
  const field = SUBNET_FIELDS[family];
  return new CausewayError('conflict', `${field} "${wanted}" ${which}${how}`, { field, value: wanted });
}
