import type { FirewallIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { safe } from '../safe.ts';

/** What nft calls things in each family. */
interface Words {
  /** Of the table, and of the matches `ip saddr`, `ip6 daddr`. */
  readonly ip: 'ip' | 'ip6';
  readonly addressType: string;
  readonly reject: string;
}

export const WORDS: Readonly<Record<Family, Words>> = {
  ipv4: { ip: 'ip', addressType: 'ipv4_addr', reject: 'reject with icmp type port-unreachable' },
  ipv6: { ip: 'ip6', addressType: 'ipv6_addr', reject: 'reject with icmpv6 type port-unreachable' },
};

/** Has POSTROUTING masquerade the packet. Only a bit of our own is set, so that other programs' marks survive. */
export function markOf({ mark }: FirewallIntent): string {
  return `meta mark set meta mark | ${safe.mark(mark)}`;
}
