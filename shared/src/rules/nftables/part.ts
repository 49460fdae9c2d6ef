import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';

/** What one file of this folder adds to the table. */
export interface Part {
  maps(intent: FirewallIntent): readonly MapDeclaration[];
  chains(intent: FirewallIntent): readonly Chain[];
  /** What one service puts into the maps. */
  elements(service: ServiceIntent, family: Family): readonly Element[];
}

/**
 * What one thing beside the services adds to the table: the published ports, a policy. The same object as long as the
 * thing is the same, so that a change sees by identity what to look at.
 */
export interface Piece {
  readonly maps: readonly MapDeclaration[];
  /** Those that lead to others first: in this order they go. */
  readonly chains: readonly Chain[];
  readonly elements: readonly Element[];
}

export interface MapDeclaration {
  readonly name: string;
  /** A set holds keys only. */
  readonly kind: 'map' | 'set';
  /** The declaration's body: `type ipv4_addr`. */
  readonly spec: string;
}

export interface Element {
  readonly map: string;
  /** As nft writes it: `2.2.2.2 . tcp . 88`. */
  readonly key: string;
  /** Absent in a set. */
  readonly value?: string;
}

export interface Chain {
  readonly name: string;
  /** Absent: a chain that others jump to. */
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

export interface Hook {
  readonly type: 'nat' | 'filter';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** A number, since nft knows the names of priorities at some hooks only: -100 dstnat, 0 filter, 100 srcnat. */
  readonly priority: number;
}

export interface Rule {
  readonly text: string;
  /** Why the rule is there; becomes its comment in the kernel. No quotes. */
  readonly why: string;
}
