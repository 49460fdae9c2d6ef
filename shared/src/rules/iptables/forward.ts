import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { comment, type Part } from './part.ts';

/** What is routed through this host: accepted from and to containers, even where Docker set FORWARD to DROP. */
export const forward: Part = {
  jumps: [
    { table: 'filter', chain: 'FORWARD', rule: `${comment('causeway: forward')} -j ${chains.forward}` },
  ],

  chains(intent) {
    const network = safe.cidr(intent.network);
    return [
      {
        table: 'filter',
        name: chains.forward,
        rules: [
          // conntrack does not translate what it finds invalid: the client would get a packet from an address
          // that it never spoke to, and answer with a reset that ends a healthy connection (kubernetes #74839).
          `-s ${network} -p tcp ${comment('a reply that would leave with its untranslated address')} -m conntrack --ctstate INVALID -j DROP`,
          // New ones only: the list of VIPs is read from top to bottom.
          `${comment('still for a VIP: no service has this port')} -m conntrack --ctstate NEW -j ${chains.vips}`,
          `-s ${network} ${comment('from a container')} -j ACCEPT`,
          `-d ${network} ${comment('to a container')} -j ACCEPT`,
        ],
      },
    ];
  },

  lists: () => [],

  ofService: () => [],
};
