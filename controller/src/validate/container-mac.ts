import { CausewayError, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { NodeRecord } from '@causeway/shared/model/node';
import { blockHasIp, formatIp, type Ip, nthOfBlock, parseBlock } from '@causeway/shared/net/block';
import type { ClusterFacts } from './cluster-facts.ts';

/** How the link-layer addresses begin that hosts make from IPv4 addresses, of bridges and containers. */
const MADE_FROM_IPV4 = '0a:58:';

/**
 * Two on one link with one link-layer address take each other's packets.
 *
 * @throws CausewayError `conflict` when a neighbour of the container has the address that was chosen for it
 */
export function checkMac(spec: ContainerSpec, host: NodeRecord, facts: ClusterFacts): void {
  const mac = macOf(spec);
  if (mac === undefined) return;
  const chosen = facts
    .containers()
    .find((other) => other.name !== spec.name && isNear(spec, other) && macOf(other) === mac);
  if (chosen !== undefined) throw taken(mac, `container ${show(chosen.name)}`);
  const { network } = spec;
  const subnet = parseBlock(host.ipv4?.subnet ?? '');
  const ip = madeFrom(mac);
  if (network?.kind !== 'bridge' || ip === undefined || subnet === undefined || !blockHasIp(subnet, ip))
    return;
  if (ip.value === nthOfBlock(subnet, 1).value) throw taken(mac, `the bridge of ${host.name}`);
  const other = facts.containerAt(formatIp(ip), spec.name);
  if (other !== undefined) throw taken(mac, `container ${show(other)}`);
}

function macOf({ network }: ContainerSpec): string | undefined {
  return network?.kind === 'bridge' || network?.kind === 'macvlan' ? network.mac : undefined;
}

/** A bridge is one host's; the hosts' links may all be one network. */
function isNear(one: ContainerSpec, other: ContainerSpec): boolean {
  if (one.network?.kind !== other.network?.kind) return false;
  return one.network?.kind === 'macvlan' || one.host === other.host;
}

function madeFrom(mac: string): Ip | undefined {
  if (!mac.startsWith(MADE_FROM_IPV4)) return undefined;
  return { family: 'ipv4', value: BigInt(`0x${mac.slice(MADE_FROM_IPV4.length).replaceAll(':', '')}`) };
}

function taken(mac: string, whose: string): CausewayError {
  const field = 'network.mac';
  return new CausewayError('conflict', `${field} ${show(mac)} is the link-layer address of ${whose}`, {
    field,
    value: mac,
  });
}
