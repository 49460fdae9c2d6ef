import type { FirewallIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { comment, type Part } from './part.ts';

/**
 * Whose source address is replaced by this host's, in the order of docs/architecture.md, "Who is masqueraded".
 * flannel's rules, and before them what services need.
 */
export const masquerade: Part = {
  jumps: () => [
    {
      table: 'nat',
      chain: 'POSTROUTING',
      rule: `${comment('causeway: masquerade')} -j ${chains.postrouting}`,
    },
  ],

  chains(intent) {
    const mark = safe.mark(intent.mark);
    return [
      { table: 'nat', name: chains.mark, rules: [`-j MARK --set-xmark ${mark}/${mark}`] },
      {
        table: 'nat',
        name: chains.masquerade,
        // The mark is cleared first, so that a packet that is encapsulated later is not masqueraded twice.
        rules: [`-j MARK --set-xmark 0x0/${mark}`, REPLACE],
      },
      {
        table: 'nat',
        name: chains.postrouting,
        rules: [
          `${comment('marked by a service rule')} -m mark --mark ${mark}/${mark} -j ${chains.masquerade}`,
          ...(intent.masquerade ? forContainers(intent) : []),
        ],
      },
    ];
  },

  lists: () => [],

  ofService: () => [],
};

const REPLACE = '-j MASQUERADE --random-fully';

function forContainers(intent: FirewallIntent): readonly string[] {
  const { family } = intent;
  const network = safe.cidr(intent.network, family);
  const { linkLocal, multicast } = RANGES[family];
  const kept = intent.nonMasqueradeCidrs.map((block) => safe.cidr(block, family));
  return [
    ...(linkLocal === undefined ? [] : ['-s', '-d']).map(
      (side) => `${side} ${linkLocal} ${comment('never leaves the link')} -j RETURN`,
    ),
    ...betweenContainers(intent, network),
    ...kept.map(
      (block) =>
        `-s ${network} -d ${block} ${comment('container to a destination where it keeps its address')} -j RETURN`,
    ),
    `-s ${network} ! -d ${multicast} ${comment('container to the outside, multicast excepted')} ${REPLACE}`,
    `! -s ${network} -d ${network} ${comment('outside to a container of another host: the reply must return through this one')} ${REPLACE}`,
  ];
}

function betweenContainers({ subnet, family }: FirewallIntent, network: string): readonly string[] {
  if (subnet === undefined) return [`-s ${network} -d ${network} ${comment('between containers')} -j RETURN`];
  const own = safe.cidr(subnet, family);
  return [
    `-s ${own} -d ${network} ${comment('own container to any container')} -j RETURN`,
    `-s ${network} -d ${own} ${comment('any container to own container')} -j RETURN`,
    `! -s ${network} -d ${own} ${comment('outside to own container')} -j RETURN`,
  ];
}
