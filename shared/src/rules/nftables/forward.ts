import { safe } from '../safe.ts';
import type { Part } from './part.ts';

/**
 * What is routed through this host. The chain accepts by its policy; an accept here could not overrule another
 * table's drop, so a host whose own firewall drops forwarded packets (Docker's iptables FORWARD) must let the
 * container network pass there: docs/operations.md.
 */
export const forward: Part = {
  maps: () => [],

  chains: (intent) => [
    {
      name: 'forward',
      hook: { type: 'filter', hook: 'forward', priority: 0 },
      rules: [
        {
          // conntrack does not translate what it finds invalid: the client would get a packet from an address
          // that it never spoke to, and answer with a reset that ends a healthy connection (kubernetes #74839).
          text: `ip saddr ${safe.cidr(intent.network)} meta l4proto tcp ct state invalid drop`,
          why: 'a reply that would leave with its untranslated address',
        },
        { text: 'jump refuse-vips', why: 'still for a VIP: no service has this port' },
      ],
    },
  ],

  elements: () => [],
};
