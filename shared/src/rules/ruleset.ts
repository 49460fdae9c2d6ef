import type { FirewallIntent, ServiceIntent } from '../desired/intent.ts';
import type { Family } from '../net/family.ts';

/**
 * What each dataplane module (`nftables/index.ts`, `iptables/index.ts`) exports under the name `ruleset`.
 * All of it is pure: strings in, strings out. Inputs and listings are of one family, the intent's: `ip causeway` or
 * `ip6 causeway`, the programs of iptables or those of ip6tables.
 */
export interface Ruleset {
  /**
   * Input for `nft -f -` (or `iptables-restore --noflush`) that brings a kernel in *any* state of our own
   * tables and chains to exactly `intent`, in one transaction (iptables: one per table).
   *
   * @param listing what `drift` takes. iptables needs it, to know the jumps and chains that are there already, and
   * what others have; left out, there is nothing. nftables needs none.
   */
  full(intent: FirewallIntent, listing?: string): string;
  /**
   * Input that turns a kernel holding exactly `from` into `to`, of the same family, without listing anything; its size
   * depends on the difference only. Empty string: nothing differs. What stands against the rules of others (`beside`)
   * stays as it is; only a full run knows them.
   */
  change(from: FirewallIntent, to: FirewallIntent): string;
  /** Input that removes everything of ours and nothing else; empty or harmless when there is nothing. */
  clean(listing: string, family: Family): string;
  /**
   * Compares what the kernel lists with the intent: `nft -j list table ip causeway` (empty when there is no
   * table), or `iptables-save` of one variant. Each difference is one sentence; empty: the kernel holds `intent`.
   */
  drift(intent: FirewallIntent, listing: string): readonly string[];
  /** What a tool must hold that is *not* the one that serves the intent, given what it lists. */
  beside(intent: FirewallIntent, listing: string): Beside;
  /**
   * What `full`, `change` or `clean` made, as several transactions in order, each small enough for an ordinary netlink
   * socket. Only for a kernel that refused the whole with "Message too long": in a user namespace the programs
   * may not ask for a larger buffer. Between the parts, new connections may be refused; those that stand go on.
   */
  parts(input: string): readonly string[];
  /**
   * Those services of the intent that some of these lines speak of, each a line of what `full` made of it; a line may be
   * several services', or nobody's. Takes as long as making them all.
   */
  speaking(intent: FirewallIntent, lines: readonly string[]): readonly ServiceIntent[];
}

/**
 * An accept of ours cannot overrule a drop in another rule language, so an iptables that serves nothing of ours holds
 * an accept in front of the rules of others, where there are any.
 */
export interface Beside {
  /** Whether anything of ours belongs there. */
  readonly holds: boolean;
  /** Empty: the tool holds what it should. */
  readonly input: string;
  /** What differs, one sentence each. */
  readonly reasons: readonly string[];
}
