import type { SubnetLease } from '@causeway/shared/model/lease';
import { isSubnetOf } from '@causeway/shared/model/network.schema';
import {
  type Block,
  blocksOverlap,
  compareBlocks,
  formatBlock,
  parseBlock,
} from '@causeway/shared/net/block';
import { entriesOf } from '@causeway/shared/net/family';
import { strayReservations } from '../network/present.ts';
import { networkOf } from '../view/facts.ts';
import type { Tables } from '../view/tables.ts';
import { quoted } from './held-once.ts';

/** A subnet that somebody leases. */
interface Leased {
  readonly block: Block;
  readonly holder: string;
  /** Absent: a flannel host's, which makes no claims. */
  readonly node?: { readonly id: string; readonly name: string };
}

/** What is wrong with the subnets of hosts: leases beside claims and reservations. Each a sentence. */
export function subnetFindings(tables: Tables): readonly string[] {
  const leased = [...tables.lease.values()].flatMap(({ value }) => leasedOf(value));
  return [
    ...overlaps(leased),
    ...unclaimed(leased, tables),
    ...leftClaims(leased, tables),
    ...reservedForOthers(leased, tables),
    ...outside(leased, tables),
  ];
}

function leasedOf(lease: SubnetLease): readonly Leased[] {
  const { node } = lease;
  return entriesOf(lease).flatMap(([, { subnet, publicIp }]) => {
    const block = parseBlock(subnet);
    if (block === undefined) return [];
    const holder =
      node === undefined ? `the flannel host ${publicIp ?? 'of no address'}` : `host ${quoted(node.name)}`;
    return [{ block, holder, ...(node === undefined ? {} : { node }) }];
  });
}

/** Sorted by their first addresses, subnets that overlap any other overlap the one before them. */
function overlaps(leased: readonly Leased[]): readonly string[] {
  const sorted = [...leased].sort((a, b) => compareBlocks(a.block, b.block));
  return sorted.flatMap((one, i) => {
    const before = sorted[i - 1];
    if (before === undefined || !blocksOverlap(before.block, one.block)) return [];
    return [
      `subnet ${formatBlock(one.block)} is doubled: ${one.holder} leases it, and ${before.holder} ${formatBlock(before.block)}`,
    ];
  });
}

function unclaimed(leased: readonly Leased[], { claim }: Tables): readonly string[] {
  return leased.flatMap(({ block, holder, node }) => {
    const subnet = formatBlock(block);
    const owner = claim.get(subnet)?.value;
    if (node === undefined || owner === node.id) return [];
    return [
      owner === undefined
        ? `subnet ${subnet} of ${holder} is leased without a claim, so it could be leased again`
        : `subnet ${subnet} of ${holder} is claimed by the host of id ${quoted(owner)}`,
    ];
  });
}

function leftClaims(leased: readonly Leased[], { claim }: Tables): readonly string[] {
  const known = new Set(
    leased.filter(({ node }) => node !== undefined).map(({ block }) => formatBlock(block)),
  );
  return [...claim].flatMap(([subnet, { value: id }]) =>
    known.has(subnet)
      ? []
      : [
          `subnet ${subnet} is claimed by the host of id ${quoted(id)}, which does not lease it: it is leaked`,
        ],
  );
}

function reservedForOthers(leased: readonly Leased[], { reservation }: Tables): readonly string[] {
  const reserved = [...reservation.values()].flatMap(({ value: { subnet, node } }) => {
    const block = parseBlock(subnet);
    return block === undefined ? [] : [{ block, node }];
  });
  return reserved.flatMap((one, i) => [
    ...leased
      .filter(({ block, node }) => node?.name !== one.node && blocksOverlap(block, one.block))
      .map(
        ({ block, holder }) =>
          `subnet ${formatBlock(block)} is leased by ${holder}, and ${formatBlock(one.block)} is reserved for host ${quoted(one.node)}`,
      ),
    ...reserved
      .slice(i + 1)
      .filter(({ block, node }) => node !== one.node && blocksOverlap(block, one.block))
      .map(
        ({ block, node }) =>
          `subnet ${formatBlock(block)} is reserved for host ${quoted(node)}, and ${formatBlock(one.block)} for host ${quoted(one.node)}`,
      ),
  ]);
}

/** @throws CausewayError `unreachable` while there is no configuration */
function outside(leased: readonly Leased[], tables: Tables): readonly string[] {
  const { config } = networkOf(tables);
  const strayLeases = leased.flatMap(({ block, holder }) => {
    const network = config[block.family];
    return network !== undefined && isSubnetOf(block, network)
      ? []
      : [`subnet ${formatBlock(block)} of ${holder} is out of range: it is none of the network's`];
  });
  return [...strayLeases, ...strayReservations(config, tables)];
}
