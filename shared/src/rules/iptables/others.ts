import { type Listing, parseListing } from './listing.ts';

/** Where rules of others may stop packets of containers. */
export interface Others {
  readonly forward: boolean;
  readonly raw: boolean;
}

export const NO_OTHERS: Others = { forward: false, raw: false };

export function othersOf({ foreign, policies }: Listing): Others {
  const forward = foreign.has('filter FORWARD') || (policies.get('filter FORWARD') ?? 'ACCEPT') !== 'ACCEPT';
  return { forward, raw: foreign.has('raw PREROUTING') };
}

/** Whether a listing of iptables holds rules of others that packets of containers meet. */
export function hasOthers(listing: string): boolean {
  const { forward, raw } = othersOf(parseListing(listing));
  return forward || raw;
}
