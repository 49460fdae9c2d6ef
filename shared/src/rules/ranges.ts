import type { Family } from '../net/family.ts';

/** Addresses of which the rules speak in each family. */
interface Ranges {
  readonly loopback: string;
  readonly multicast: string;
  /**
   * What never leaves a link. Only IPv6 has it here: neighbour discovery speaks from such addresses, while
   * IPv4 has the metadata services of clouds at one, which containers reach as flannel lets them.
   */
  readonly linkLocal?: string;
}

export const RANGES: Readonly<Record<Family, Ranges>> = {
  ipv4: { loopback: '127.0.0.0/8', multicast: '224.0.0.0/4' },
  ipv6: { loopback: '::1/128', multicast: 'ff00::/8', linkLocal: 'fe80::/10' },
};
