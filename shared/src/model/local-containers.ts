import type { ByFamily } from '../net/family.ts';
import type { ContainerSpec } from './container.ts';

/** The addresses of one of this host's containers on the bridge: those that it has, or is about to have. */
export interface ContainerAddresses {
  readonly name: string;
  /** Without prefix lengths, canonical. */
  readonly addresses: ByFamily<string>;
  /** Those that it still has and is about to lose. Absent: none. */
  readonly leaving?: readonly string[];
}

/** What is known of the containers that are on this host, wanted or not. */
export interface LocalContainers {
  /** Sorted by name; of one that is to be removed and still there, the last definition. */
  readonly specs: readonly ContainerSpec[];
  /** Those without an address on the bridge are not among them. */
  readonly addresses: readonly ContainerAddresses[];
}
