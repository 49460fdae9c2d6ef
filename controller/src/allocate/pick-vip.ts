import { CausewayError } from '@causeway/shared/errors';
import {
  type Block,
  bitsOf,
  formatBlock,
  formatIp,
  nthOfBlock,
  sizeOfBlock,
} from '@causeway/shared/net/block';
import { pickFrom, staticBand } from './band.ts';

/** More addresses of a range are not looked at: nobody has as many services, and a number holds them exactly. */
const MOST = 2 ** 32;

/**
 * Picks a VIP that nobody has from the service range; of a /16, and of a /112, the first 256 are left to those who
 * choose.
 *
 * @returns the address in its canonical form
 * @throws CausewayError `exhausted`
 */
export function pickVip(range: Block, isTaken: (address: string) => boolean, random: () => number): string {
  const size = Number(sizeOfBlock(range));
  const counted = Math.min(size, MOST);
  const addressAt = (index: number) => formatIp(nthOfBlock(range, index));
  // A range's first and last address look like a network's own and its broadcast address: left out.
  const edge = range.length < bitsOf(range.family) - 1 ? 1 : 0;
  const picked = pickFrom(
    {
      first: edge,
      last: counted - 1 - (counted === size ? edge : 0),
      band: Math.max(0, staticBand(counted, 16, 256) - edge),
    },
    (index) => isTaken(addressAt(index)),
    random,
  );
  if (picked !== undefined) return addressAt(picked);
  throw new CausewayError(
    'exhausted',
    `allocating a VIP: every address of the service range ${formatBlock(range)} is taken`,
    { field: 'vip', value: 'auto' },
  );
}
