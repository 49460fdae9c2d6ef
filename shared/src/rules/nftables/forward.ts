import { safe } from '../safe.ts';
import type { Part } from './part.ts';
import { WORDS } from './words.ts';

/**
 * What is routed through this host. The chain accepts by its policy. An accept here could not overrule another table's
 * drop, so the rules of others in an iptables are met there: `rules/iptables/layout.ts`.
 */
export const forward: Part = {
  maps: () => [],

  chains: ({ family, network }) => [
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', priority: 0 },
      rules: [
        {
          text: 'ct state established,related accept',
          why: 'what stands goes on: one question for nearly all packets',
        },
        {
          // conntrack does not translate what it finds invalid: the client would get a packet from an address
          // that it never spoke to, and answer with a reset that ends a healthy connection (kubernetes #74839).
          text: `${WORDS[family].ip} saddr ${safe.cidr(network, family)} meta l4proto tcp ct state invalid drop`,
          why: 'a reply that would leave with its untranslated address',
        },
        { text: 'jump refuse-vips', why: 'still for a VIP: no service has this port' },
      ],
    },
  ],

  elements: () => [],
};
