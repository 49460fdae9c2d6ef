import type { FirewallIntent } from '../desired/intent.ts';

/**
 * What each dataplane module (`nftables/index.ts`, `iptables/index.ts`) exports under the name `ruleset`.
 * All of it is pure: strings in, strings out.
 */
export interface Ruleset {
  /**
   * Input for `nft -f -` (or `iptables-restore --noflush`) that brings a kernel in *any* state of our own
   * tables and chains to exactly `intent`, in one transaction (iptables: one per table, nat first).
   *
   * @param listing what `drift` takes. iptables needs it, to know the jumps and chains that are there already;
   * left out, nothing of ours is. nftables needs none.
   */
  full(intent: FirewallIntent, listing?: string): string;
  /**
   * Input that turns a kernel holding exactly `from` into `to`, without listing anything; its size depends
   * on the difference only. Empty string: nothing differs.
   */
  change(from: FirewallIntent, to: FirewallIntent): string;
  /** Input that removes everything of ours and nothing else; harmless when there is nothing. */
  clean(listing: string): string;
  /**
   * Compares what the kernel lists with the intent: `nft -j list table ip causeway` (empty when there is no
   * table), or `iptables-save` of one variant. Each difference is one sentence; empty: the kernel holds `intent`.
   */
  drift(intent: FirewallIntent, listing: string): readonly string[];
  /**
   * What `full`, `change` or `clean` made, as several transactions in order, each small enough for an ordinary netlink
   * socket. Only for a kernel that refused the whole with "Message too long": in a user namespace the programs
   * may not ask for a larger buffer. Between the parts, new connections may be refused; those that stand go on.
   */
  parts(input: string): readonly string[];
}
