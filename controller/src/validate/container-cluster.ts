import { publishText } from '@causeway/shared/container-text';
import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { NetworkMode } from '@causeway/shared/model/container-network';
import type { NodeRecord } from '@causeway/shared/model/node';
import {
  blockHasIp,
  canonicalIp,
  familyOf,
  formatBlock,
  formatIp,
  nthOfBlock,
  parseBlock,
  parseIp,
} from '@causeway/shared/net/block';
import { entriesOf, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import type { ClusterFacts } from './cluster-facts.ts';
import { nameTaken } from './container.ts';
import { checkMac } from './container-mac.ts';
import { checkHostPart } from './container-network.ts';
import { checkPlace } from './place.ts';

/** Most names that a sentence lists. */
const MAX_LISTED = 10;

/**
 * Checks that the cluster has what a definition names, and that nobody else has what it asks for.
 *
 * @param spec as `checkContainer` made it
 * @throws CausewayError `invalid`, or `conflict` when another has the name or an address
 */
export function checkInCluster(spec: ContainerSpec, facts: ClusterFacts): void {
  const host = facts.host(spec.host);
  if (host === undefined) throw noHost(spec.host, facts.hosts());
  if (facts.hasWorkload(spec.name)) throw nameTaken(spec.name, 'workload');
  if (spec.attach !== undefined) checkNotAttached(spec, facts);
  if (spec.network !== undefined) checkMode(spec, spec.network, host, facts);
  checkMac(spec, host, facts);
  checkHostAddresses(spec, host, facts);
}

/** The container whose namespace this one is in. */
export function namespaceOwner({ network }: Pick<ContainerSpec, 'network'>): string | undefined {
  return network?.kind === 'container' ? network.container : undefined;
}

function noHost(name: string, hosts: readonly string[]): CausewayError {
  const listed = `${hosts.slice(0, MAX_LISTED).join(', ')}${hosts.length > MAX_LISTED ? '…' : ''}`;
  const known = hosts.length === 0 ? 'no host has joined yet' : `the hosts are ${listed}`;
  return invalid('host', name, `is not a host of this cluster: ${known}`);
}

function checkNotAttached({ name, host, attach }: ContainerSpec, facts: ClusterFacts): void {
  const isIt = (other: ContainerSpec) =>
    other.name !== name &&
    other.host === host &&
    other.attach?.kind === attach?.kind &&
    other.attach?.id === attach?.id;
  const other = facts.containers().find(isIt);
  if (attach === undefined || other === undefined) return;
  const told = `${attach.kind}:${attach.id}`;
  throw new CausewayError('conflict', `attach ${show(told)} is attached already, as "${other.name}"`, {
    field: 'attach',
    value: told,
  });
}

function checkMode(spec: ContainerSpec, mode: NetworkMode, host: NodeRecord, facts: ClusterFacts): void {
  switch (mode.kind) {
    case 'host':
    case 'none':
      return;
    case 'container': {
      const other = facts.container(mode.container);
      const field = 'network.container';
      if (other === undefined)
        throw invalid(field, mode.container, 'names no container: there is none called so');
      checkPartner(field, other, spec);
      return;
    }
    case 'p2p': {
      // Two that are each other's peers are made one after the other.
      const other = facts.container(mode.peer);
      if (other !== undefined) checkPartner('network.peer', other, spec);
      for (const [field, text] of chosenIn(mode)) checkLinkEnd(field, text, spec, host, facts);
      return;
    }
    case 'macvlan':
      mode.addresses.forEach((text, index) => {
        checkOnLink(`network.addresses[${index}]`, text, spec, facts);
      });
      return;
    case 'bridge':
      for (const [field, text] of chosenIn(mode)) checkInSubnet(field, text, spec, host, facts);
  }
}

type Chosen = { readonly address?: string; readonly ipv6Address?: string };

function chosenIn({ address, ipv6Address }: Chosen): readonly (readonly [field: string, text: string])[] {
  return [
    ...(address === undefined ? [] : [['network.address', address] as const]),
    ...(ipv6Address === undefined ? [] : [['network.ipv6Address', ipv6Address] as const]),
  ];
}

/** The other container of a mode that names one: on the same host, with a network of its own, and not hanging on this. */
function checkPartner(field: string, other: ContainerSpec, spec: ContainerSpec): void {
  const { name, host, network } = other;
  if (host !== spec.host)
    throw invalid(field, name, `is on ${host}, and only containers of one host, ${spec.host}, can be joined`);
  if (network?.kind === 'host') throw invalid(field, name, "has the host's network and none of its own");
  if (network?.kind === 'container')
    throw invalid(field, name, `is in the network of ${show(network.container)}: name that container`);
  if (spec.network?.kind === 'container' && network?.kind === 'p2p' && network.peer === spec.name)
    throw invalid(field, name, `is linked to ${show(spec.name)} itself: that is a circle`);
}

function checkInSubnet(
  field: string,
  text: string,
  spec: ContainerSpec,
  host: NodeRecord,
  facts: ClusterFacts,
): void {
  const ip = parseIp(text);
  const family: Family = familyOf(text) ?? 'ipv4';
  if (facts.networks[family] === undefined)
    throw invalid(field, text, `cannot be: the network has no ${FAMILY_NAMES[family]}`);
  const subnet = parseBlock(host[family]?.subnet ?? '');
  if (subnet === undefined || ip === undefined)
    throw invalid(field, text, `cannot be: host ${host.name} has no ${FAMILY_NAMES[family]} subnet yet`);
  if (!blockHasIp(subnet, ip))
    throw invalid(field, text, `is not in ${formatBlock(subnet)}, the subnet of host ${host.name}`);
  if (ip.value === nthOfBlock(subnet, 1).value)
    throw invalid(field, text, `is the gateway of ${formatBlock(subnet)}, the bridge's own address`);
  checkHostPart(field, text, ip, subnet);
  checkFree(field, text, text, spec, facts);
}

/** Known at the other end of its link only, so it may be anybody's, but in the subnet that others get theirs from. */
function checkLinkEnd(
  field: string,
  text: string,
  spec: ContainerSpec,
  host: NodeRecord,
  facts: ClusterFacts,
): void {
  const ip = parseIp(text);
  const subnet = ip && parseBlock(host[ip.family]?.subnet ?? '');
  if (ip === undefined) return;
  if (subnet !== undefined && blockHasIp(subnet, ip)) checkInSubnet(field, text, spec, host, facts);
  else checkPlace(field, text, ip, facts);
}

/** An address of the hosts' network, which their neighbours see. */
function checkOnLink(field: string, text: string, spec: ContainerSpec, facts: ClusterFacts): void {
  const ip = parseIp(text.split('/')[0] ?? '');
  if (ip === undefined) return;
  checkPlace(field, text, ip, facts);
  const host = facts.hostOf(formatIp(ip));
  if (host !== undefined) throw invalid(field, text, `is an address of host ${host}`);
  for (const [, network] of entriesOf(facts.networks))
    if (blockHasIp(network, ip))
      throw invalid(
        field,
        text,
        `is inside the container network ${formatBlock(network)}, which is on no link`,
      );
  checkFree(field, text, formatIp(ip), spec, facts);
}

function checkFree(
  field: string,
  text: string,
  address: string,
  spec: ContainerSpec,
  facts: ClusterFacts,
): void {
  const other = facts.containerAt(address, spec.name);
  if (other === undefined) return;
  throw addressTaken(field, text, other);
}

/** The error for an address that another container has. */
export function addressTaken(field: string, text: string, by: string): CausewayError {
  return new CausewayError('conflict', `${field} ${show(text)} is the address of container ${show(by)}`, {
    field,
    value: text,
  });
}

/** A port is published at addresses that its host has, of families that containers have. */
function checkHostAddresses({ publish = [] }: ContainerSpec, host: NodeRecord, facts: ClusterFacts): void {
  const own = new Set(host.addresses.map((text) => canonicalIp(text) ?? text));
  publish.forEach((port, index) => {
    const { address } = port;
    if (address === undefined) return;
    const [field, shown] = [`publish[${index}]`, publishText(port)];
    if (!own.has(address))
      throw invalid(
        field,
        shown,
        `names ${address}, which is no address of host ${host.name}: it has ${[...own].slice(0, MAX_LISTED).join(', ')}`,
      );
    const family = familyOf(address);
    if (family !== undefined && facts.networks[family] === undefined)
      throw invalid(field, shown, `is of ${FAMILY_NAMES[family]}, and containers have no address of it`);
  });
}
