import type { Protocol } from '../model/service.ts';
import type { Family } from '../net/family.ts';

/** One port of one service, as a dataplane sees it. */
export interface ServiceIntent {
  /** `name` or `name:portName`; unique. Only `[a-z0-9-:]`, so safe in every rule language. */
  readonly id: string;
  readonly vip?: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly nodePort?: number;
  /** Sorted by address, then port; no duplicates. Empty: connections are refused. */
  readonly endpoints: readonly EndpointIntent[];
}

export interface EndpointIntent {
  readonly address: string;
  readonly port: number;
}

/** Everything that a host's packet filter must do in one family; the two dataplanes render the same intent. */
export interface FirewallIntent {
  readonly family: Family;
  /** All containers of the cluster, CIDR. */
  readonly network: string;
  /** This host's containers, CIDR; absent: it has no subnet (it waits for one, or was fenced). */
  readonly subnet?: string;
  /** The bridge's name. */
  readonly bridge: string;
  /** One bit; marks packets that POSTROUTING masquerades. */
  readonly mark: number;
  /** False: containers keep their addresses towards the outside; what services need is masqueraded all the same. */
  readonly masquerade: boolean;
  /** Destinations towards which they keep them in any case; of this family, canonical, sorted, without doubles. */
  readonly nonMasqueradeCidrs: readonly string[];
  /**
   * VIPs are allocated from here; a VIP of this range that nobody has is dropped. CIDR. Absent: nothing is dropped,
   * since others have addresses in the range, or it is of the other family.
   */
  readonly serviceRange?: string;
  /** Sorted by id. */
  readonly services: readonly ServiceIntent[];
}
