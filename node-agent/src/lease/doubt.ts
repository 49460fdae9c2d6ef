import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { ByFamily } from '@causeway/shared/net/family';

/** What an agent's watch says of the network, and what this host holds to be its own. */
export interface DoubtInput {
  /** The one that hosts follow. */
  readonly config: NetworkConfig;
  readonly leases: readonly SubnetLease[];
  /** Keys that exist and cannot be read. */
  readonly unreadable: readonly string[];
  /** This host's stable id, and its addresses in the families that its link has. */
  readonly me: { readonly id: string } & ByFamily<{ readonly publicIp: string }>;
  readonly subnets: ByFamily<string>;
}
