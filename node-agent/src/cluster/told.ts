import type { EventKind, NodeEvent } from '@causeway/shared/model/event';
import { type ByFamily, entriesOf } from '@causeway/shared/net/family';
import type { Candidate, Membership, MembershipEvent } from '../lease/membership.ts';

export interface Told {
  readonly kind: EventKind;
  readonly severity: NodeEvent['severity'];
  /** One sentence, with the host as what it speaks of. */
  readonly message: string;
}

/** What people should hear of a change of the place; undefined: nothing, it is for the log alone. */
export function tellOf(event: MembershipEvent, { subnets, record }: Membership): Told | undefined {
  switch (event.kind) {
    case 'lost':
    case 'retrying':
      return undefined;
    case 'duplicate-id':
      return { kind: 'duplicate-id', severity: 'warning', message: event.reason };
    case 'fenced':
      return {
        kind: 'fenced',
        severity: 'warning',
        message: `stopped using ${subnetsIn(event.subnets)}: ${event.reason}`,
      };
    case 'restored':
      if (entriesOf(subnets).length === 0) return undefined;
      return { kind: 'restored', severity: 'info', message: `holds ${subnetsIn(subnets)} again` };
    case 'moved':
      return {
        kind: 'moved',
        severity: 'warning',
        message: movedTo(event.from, event.to),
      };
    case 'waiting':
      return { kind: 'waiting', severity: 'warning', message: event.reason };
    case 'network-refused':
      return { kind: 'network-refused', severity: 'warning', message: event.reason };
    case 'network-changed':
      return {
        kind: 'network-changed',
        severity: 'info',
        message: `follows another configuration of the network, with ${subnetsIn(subnets)} at ${addressesOf(record)}`,
      };
  }
}

function movedTo(from: ByFamily<string>, to: ByFamily<string>): string {
  if (entriesOf(from).length === 0) return `has ${subnetsIn(to)}, after it had no subnet`;
  return `has ${subnetsIn(to)} instead of ${subnetsIn(from)}`;
}

/** `10.10.1.0/24 and fd00:10:0:1::/64` */
export function subnetsIn(subnets: ByFamily<string>): string {
  const texts = entriesOf(subnets).map(([, subnet]) => subnet);
  return texts.length === 0 ? 'no subnet' : texts.join(' and ');
}

/** `192.168.122.11 and fd00::11` */
export function addressesOf(node: Pick<Candidate, 'ipv4' | 'ipv6'>): string {
  return entriesOf(node)
    .map(([, { publicIp }]) => publicIp)
    .join(' and ');
}
