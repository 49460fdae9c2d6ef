import type { Family } from '../../net/family.ts';

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
