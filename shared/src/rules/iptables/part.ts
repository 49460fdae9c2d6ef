import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import type { IpSet } from './sets.ts';

/** What one file of this folder adds. */
export interface Part {
  jumps(intent: FirewallIntent): readonly Jump[];
  /** Chains whose rules depend on the settings, the published ports and the policies, on no service. */
  chains(intent: FirewallIntent): readonly Chain[];
  /** Chains that hold a rule for each of many services. They come and go with the first and the last that needs them. */
  lists(intent: FirewallIntent): readonly List[];
  /** Chains that one service has for itself. */
  ofService(service: ServiceIntent, intent: FirewallIntent): readonly Chain[];
}

export type Table = 'mangle' | 'nat' | 'filter' | 'raw';
/** In the order in which one restore changes them. */
export const TABLES: readonly Table[] = ['mangle', 'nat', 'filter', 'raw'];

/** A rule in one of the kernel's chains that leads to ours; always the first there, and never twice. */
export interface Jump {
  readonly table: Table;
  readonly chain: 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
  readonly rule: string;
}

/** Rules without `-A CHAIN`, in the wording and order of options that iptables-save uses. */
export interface Chain {
  readonly table: Table;
  readonly name: string;
  readonly rules: readonly string[];
}

export interface List {
  readonly table: Table;
  readonly name: string;
  /**
   * Rules for these services, without doubles. Two calls agree on the order of the rules that both return, so
   * that one can be turned into the other by deletions and insertions.
   */
  entries(services: readonly ServiceIntent[]): readonly string[];
  /** The last rules, after all entries. */
  readonly tail: readonly string[];
}

/** Everything of ours that one variant of iptables should hold in one family. */
export interface Layout {
  readonly family: Family;
  readonly jumps: readonly Jump[];
  /** Made one after the other, each time that they are gone through: those of ten thousand services together are large. */
  readonly chains: Iterable<Chain>;
  readonly sets: readonly IpSet[];
}

/** `-m comment --comment "…"`. The text is ours, or a checked id; quotes and backslashes never are in it. */
export function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}
