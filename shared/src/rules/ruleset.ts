import type { FirewallIntent } from '../desired/intent.ts';

/**
 * What each dataplane module (`nftables/index.ts`, `iptables/index.ts`) exports under the name `ruleset`.
 * All of it is pure: strings in, strings out.
 */
export interface Ruleset {
  /**
   * Input for `nft -f -` (or `iptables-restore --noflush`) that brings a kernel in *any* state of our own
   * tables and chains to exactly `intent`, in one transaction.
   */
  full(intent: FirewallIntent): string;
  /**
   * Input that turns a kernel holding exactly `from` into `to`, without listing anything; its size depends
   * on the difference only. Empty string: nothing differs.
   */
  change(from: FirewallIntent, to: FirewallIntent): string;
  /** Input that removes everything of ours and nothing else; harmless when there is nothing. */
  clean(listing: string): string;
  /**
   * Compares what the kernel lists (`nft -j list ruleset` reduced to our table, or `iptables-save`) with the
   * intent. Each difference is one sentence; empty: the kernel holds `intent`.
   */
  drift(intent: FirewallIntent, listing: string): readonly string[];
}
