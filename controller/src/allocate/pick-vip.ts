import { CausewayError } from '@causeway/shared/errors';
import { type Cidr, formatAddress, formatCidr, lastAddress, sizeOf } from '@causeway/shared/net/cidr';
import { pickFrom, staticBand } from './band.ts';

/**
 * Picks a VIP that nobody has from the service range; of a /16 the first 256 are left to those who choose.
 *
 * @throws CausewayError `exhausted`
 */
export function pickVip(range: Cidr, isTaken: (address: string) => boolean, random: () => number): string {
  // A range's first and last address look like a network's own and its broadcast address: left out.
  const edge = range.length < 31 ? 1 : 0;
  const picked = pickFrom(
    {
      first: range.base + edge,
      last: lastAddress(range) - edge,
      band: Math.max(0, staticBand(sizeOf(range.length), 16, 256) - edge),
    },
    (address) => isTaken(formatAddress(address)),
    random,
  );
  if (picked !== undefined) return formatAddress(picked);
  throw new CausewayError(
    'exhausted',
    `allocating a VIP: every address of the service range ${formatCidr(range)} is taken`,
    { field: 'vip', value: 'auto' },
  );
}
