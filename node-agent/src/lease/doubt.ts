import { isDeepStrictEqual } from 'node:util';
import type { SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { FAMILIES } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { leaseOf, subnetsOf } from './plan.ts';

/** What an agent's watch says of the network, beside what this host holds. */
export interface DoubtInput {
  /** The configuration that hosts follow by what the watch brought. */
  readonly config: NetworkConfig;
  readonly leases: readonly SubnetLease[];
  /** Keys that exist and cannot be read. */
  readonly unreadable: readonly string[];
  /** As it was written last. */
  readonly record: NodeRecord;
  /** The configuration that the record follows. */
  readonly followed: NetworkConfig;
}

/**
 * Whether this host should look in etcd after its own place.
 *
 * @returns `lease`: its own lease is missing, is another or cannot be read, or another's names the same subnet;
 *   `network`: hosts follow another configuration than this record does
 */
export function doubtOf(input: DoubtInput): 'lease' | 'network' | undefined {
  const { config, leases, unreadable, record, followed } = input;
  const subnets = subnetsOf(record);
  const own = leaseOf(record, followed);
  const hasSubnets = FAMILIES.some((family) => subnets[family] !== undefined);
  if (hasSubnets) {
    const isThere = leases.some((lease) => lease.node?.id === record.id && isDeepStrictEqual(lease, own));
    if (!isThere || unreadable.includes(keys.subnet(subnets))) return 'lease';
  }
  const isShared = leases.some(
    (lease) =>
      lease.node?.id !== record.id &&
      FAMILIES.some((family) => {
        const subnet = lease[family]?.subnet;
        return subnet !== undefined && subnet === subnets[family];
      }),
  );
  if (isShared) return 'lease';
  return isDeepStrictEqual(config, followed) ? undefined : 'network';
}
