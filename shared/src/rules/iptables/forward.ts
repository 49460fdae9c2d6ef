import type { FirewallIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { askingRules } from './network-policies.ts';
import { type Chain, comment, type Jump, type Part } from './part.ts';

export const FORWARD_JUMP: Jump = {
  table: 'filter',
  chain: 'FORWARD',
  rule: `${comment('causeway: forward')} -j ${chains.forward}`,
};

/** What is routed through this host: accepted from and to containers, even where Docker set FORWARD to DROP. */
export const forward: Part = {
  jumps: () => [FORWARD_JUMP],

  chains(intent) {
    const network = safe.cidr(intent.network, intent.family);
    const { table, name, rules } = acceptance(intent);
    return [
      {
        table,
        name,
        rules: [
          // conntrack does not translate what it finds invalid: the client would get a packet from an address
          // that it never spoke to, and answer with a reset that ends a healthy connection (kubernetes #74839).
          `-s ${network} -p tcp ${comment('a reply that would leave with its untranslated address')} -m conntrack --ctstate INVALID -j DROP`,
          // New ones only: the list of VIPs is read from top to bottom.
          `${comment('still for a VIP: no service has this port')} -m conntrack --ctstate NEW -j ${chains.vips}`,
          ...askingRules(intent),
          ...rules,
        ],
      },
    ];
  },

  lists: () => [],

  ofService: () => [],
};

/** The chain that lets the container network pass, whatever the rules behind it say. */
export function acceptance(intent: FirewallIntent): Chain {
  const network = safe.cidr(intent.network, intent.family);
  return {
    table: 'filter',
    name: chains.forward,
    rules: [
      ...onTheBridge(intent),
      `-s ${network} ${comment('from a container')} -j ACCEPT`,
      `-d ${network} ${comment('to a container')} -j ACCEPT`,
    ],
  };
}

/** Where bridged packets meet these rules, neighbour discovery does: it speaks with link-local addresses and to groups. */
function onTheBridge({ family, bridge }: FirewallIntent): readonly string[] {
  if (family !== 'ipv6') return [];
  const link = safe.link(bridge);
  return [`-i ${link} -o ${link} ${comment('between containers of one bridge')} -j ACCEPT`];
}
