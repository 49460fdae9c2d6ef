import { CAUSEWAY_PREFIX } from '@causeway/shared/names';
import { keys } from '@causeway/shared/store/keys';
import type { Change } from './tables.ts';

/**
 * The two prefixes that the view follows. Within one of them changes arrive in etcd's order, a transaction's
 * together; between the two there is no order.
 */
export type Source = 'causeway' | 'network';
export const SOURCES: Readonly<Record<Source, string>> = {
  causeway: `${CAUSEWAY_PREFIX}/`,
  network: keys.networkPrefix,
};

/** All that one delivery of the watch changed. */
export interface Batch {
  readonly source: Source;
  readonly revision: number;
  readonly changes: readonly Change[];
}
