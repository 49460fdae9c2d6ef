import { CausewayError } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeIdentity, NodeRecord } from '@causeway/shared/model/node';
import { blocksOverlap, parseBlock } from '@causeway/shared/net/block';
import { entriesOf } from '@causeway/shared/net/family';
import { hasAddressOf } from './holdings.ts';
import type { Candidate } from './membership.ts';
import type { Registry } from './registry.ts';

/** What `field` is when an id is somebody else's. */
export const ID_FIELD = 'node-id';

/**
 * Refuses what must not be: two hosts with one name, two with one id, containers' addresses on the hosts' own link.
 *
 * @param instance this start of the agent
 * @throws CausewayError `conflict`, with the field `name`, `node-id` or `network`
 */
export function refuse(node: Candidate, instance: string, registry: Registry): void {
  refuseForeignName(node, registry);
  refuseForeignId(node, instance, registry);
  refuseOwnNetwork(node, registry.network.config);
}

/** A host's addresses on the hosts' network: by these a machine is told from its clone. */
export function addressesOf(node: Candidate): readonly string[] {
  return entriesOf(node).map(([, { publicIp }]) => publicIp);
}

/** Whether who uses this host's id is another machine: another start of an agent, at none of this host's addresses. */
export function isOtherMachine(
  node: Candidate,
  instance: string,
  identity: NodeIdentity | undefined,
): boolean {
  if (identity === undefined || identity.instance === instance) return false;
  const own = addressesOf(node);
  return !identity.addresses.some((address) => own.includes(address));
}

/** Two hosts with one name would both be told to run its containers, and each would hide the other's report. */
function refuseForeignName(node: Candidate, registry: Registry): void {
  const { alive, node: known } = registry;
  if (alive !== undefined && alive.id !== node.id)
    throw conflict(
      `joining as host "${node.name}": another host${at(known)} is running under this name; give this one another with --name`,
      'name',
      node.name,
    );
  if (known !== undefined && known.id !== node.id)
    throw conflict(
      `joining as host "${node.name}": the name belongs to another host${at(known)} that is not running; ` +
        `run \`causeway-agent cleanup\` there or, if it is gone for good, \`svcctl node release ${node.name} --lease\`, ` +
        'wait until its lease has run out, or give this one another name with --name',
      'name',
      node.name,
    );
}

/**
 * A machine that was copied with its disk would take its original's subnet away. The same machine after a restart has
 * the same address or the same name; what has neither must wait until the other's lease has run out.
 */
function refuseForeignId(node: Candidate, instance: string, { identity, holdings }: Registry): void {
  if (identity !== undefined && isOtherMachine(node, instance, identity))
    throw sameId(node, identity.name, 'is running with it', identity.addresses);
  for (const { lease } of holdings) {
    if (lease?.node === undefined || lease.node.name === node.name || hasAddressOf(lease, node)) continue;
    const addresses = entriesOf(lease).flatMap(([, { publicIp }]) => publicIp ?? []);
    throw sameId(node, lease.node.name, 'holds a lease with it', addresses);
  }
}

/** The routes and rules for the containers would cut the host off from the other hosts, and from etcd. */
function refuseOwnNetwork(node: Candidate, config: NetworkConfig): void {
  for (const [family, { network, publicIp }] of entriesOf(node)) {
    const containers = config[family]?.network;
    const [link, block] = [network, containers ?? ''].map(parseBlock);
    if (link === undefined || block === undefined || !blocksOverlap(link, block)) continue;
    throw conflict(
      `joining as host "${node.name}": the containers' network ${containers} overlaps ${network}, the network ` +
        `of this host's link to the other hosts (${publicIp}); give the controller another with --network`,
      'network',
      containers,
    );
  }
}

function sameId(node: Candidate, other: string, how: string, addresses: readonly string[]): CausewayError {
  const where = addresses.length === 0 ? '' : ` (${addresses.join(', ')})`;
  return conflict(
    `joining as host "${node.name}": its id ${node.id} is not its own: another machine${where} ${how} as host "${other}"; if one was copied from the other, ` +
      'remove the file node-id in the state directory of the copy; if it is this one, renamed and with another ' +
      `address, run \`svcctl node release ${other} --lease\``,
    ID_FIELD,
    node.id,
  );
}

function at(node: NodeRecord | undefined): string {
  if (node === undefined) return '';
  const addresses = entriesOf(node).map(([, { publicIp }]) => publicIp);
  return ` (${[...addresses, `id ${node.id}`].join(', ')})`;
}

function conflict(message: string, field: string, value: unknown): CausewayError {
  return new CausewayError('conflict', message, { field, value });
}
