import { invalid } from '../errors.ts';
import type { FamilyFacts, HostFacts } from '../model/host-facts.ts';
import type { Backend, NetworkConfig } from '../model/network.ts';
import { vtepMac } from '../model/vtep.ts';
import { TUNNEL_PREFIXES } from '../names.ts';
import { type Block, formatBlock, formatIp, nthOfBlock, parseBlock, parseIp } from '../net/block.ts';
import { type ByFamily, byFamily, FAMILY_NAMES, type Family } from '../net/family.ts';
import type { OwnSubnets } from './host.ts';

/** What a peer's lease is judged by: the network, and where in it this host stands. */
export interface Here {
  /** Equal for equal content: what was judged by one is judged alike by the other. */
  readonly key: string;
  /** The host's stable id. */
  readonly id: string;
  readonly iface: string;
  readonly backend: Backend;
  /** One per family of the network. */
  readonly families: ByFamily<FamilyHere>;
}

export interface FamilyHere {
  readonly family: Family;
  readonly network: Block;
  /** Prefix length of a host's subnet. */
  readonly subnetLen: number;
  /** This host's own; absent: it has none. */
  readonly subnet?: OwnSubnet;
  /** Absent: the host's link has no address of this family. */
  readonly link?: Link;
  /** Absent: the backend has no tunnels, or the link has no address of this family. */
  readonly tunnel?: TunnelEnd;
}

export interface OwnSubnet {
  readonly block: Block;
  /** Canonical. */
  readonly text: string;
  /** The second address, the containers' way out. */
  readonly gateway: string;
}

export interface Link {
  readonly block: Block;
  readonly publicIp: string;
}

/** This host's end of the tunnels. */
export interface TunnelEnd {
  /** The device. */
  readonly name: string;
  readonly vni: number;
  readonly mac: string;
}

/**
 * @throws CausewayError `invalid` when the network, an own subnet or an address of the host is none of its family; all
 *   of them were checked before they came here
 */
export function readHere(config: NetworkConfig, facts: HostFacts, own: OwnSubnets): Here {
  const { backend } = config;
  return {
    key: JSON.stringify([config.ipv4, config.ipv6, backend, facts, own]),
    id: facts.id,
    iface: facts.iface,
    backend,
    families: byFamily((family) => {
      const network = config[family];
      if (network === undefined) return undefined;
      const [subnet, link] = [ownSubnet(own[family], family), readLink(facts[family], family)];
      const vni = link === undefined ? undefined : backend.tunnel?.vni;
      return {
        family,
        network: blockOf('network', network.network, family),
        subnetLen: network.subnetLen,
        ...(subnet === undefined ? {} : { subnet }),
        ...(link === undefined ? {} : { link }),
        ...(vni === undefined ? {} : { tunnel: tunnelEnd(facts.id, vni, family) }),
      };
    }),
  };
}

/** @throws CausewayError `invalid` */
export function ownSubnet(text: string | undefined, family: Family): OwnSubnet | undefined {
  if (text === undefined) return undefined;
  const block = blockOf('subnet', text, family);
  return { block, text: formatBlock(block), gateway: formatIp(nthOfBlock(block, 1)) };
}

function readLink(facts: FamilyFacts | undefined, family: Family): Link | undefined {
  if (facts === undefined) return undefined;
  const ip = parseIp(facts.publicIp);
  if (ip?.family !== family)
    throw invalid('public-ip', facts.publicIp, `is no ${FAMILY_NAMES[family]} address`);
  return { block: blockOf('network of the link', facts.network, family), publicIp: formatIp(ip) };
}

function tunnelEnd(id: string, vni: number, family: Family): TunnelEnd {
  return { name: `${TUNNEL_PREFIXES[family]}${vni}`, vni, mac: vtepMac(id, vni, family) };
}

function blockOf(field: string, text: string, family: Family): Block {
  const block = parseBlock(text);
  if (block?.family !== family) throw invalid(field, text, `is no ${FAMILY_NAMES[family]} CIDR`);
  return block;
}
