import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { comment, type Part } from './part.ts';

/**
 * Whose source address is replaced by this host's, in the order of docs/architecture.md, "Who is masqueraded".
 * flannel's rules, and before them what services need.
 */
export const masquerade: Part = {
  jumps: [
    {
      table: 'nat',
      chain: 'POSTROUTING',
      rule: `${comment('causeway: masquerade')} -j ${chains.postrouting}`,
    },
  ],

  chains(intent) {
    const network = safe.cidr(intent.network);
    const subnet = safe.cidr(intent.subnet);
    const mark = safe.mark(intent.mark);
    const replace = '-j MASQUERADE --random-fully';
    return [
      { table: 'nat', name: chains.mark, rules: [`-j MARK --set-xmark ${mark}/${mark}`] },
      {
        table: 'nat',
        name: chains.masquerade,
        // The mark is cleared first, so that a packet that is encapsulated later is not masqueraded twice.
        rules: [`-j MARK --set-xmark 0x0/${mark}`, replace],
      },
      {
        table: 'nat',
        name: chains.postrouting,
        rules: [
          `${comment('marked by a service rule')} -m mark --mark ${mark}/${mark} -j ${chains.masquerade}`,
          `-s ${subnet} -d ${network} ${comment('own container to any container')} -j RETURN`,
          `-s ${network} -d ${subnet} ${comment('any container to own container')} -j RETURN`,
          `! -s ${network} -d ${subnet} ${comment('outside to own container')} -j RETURN`,
          `-s ${network} ! -d 224.0.0.0/4 ${comment('container to the outside, multicast excepted')} ${replace}`,
          `! -s ${network} -d ${network} ${comment('outside to a container of another host: the reply must return through this one')} ${replace}`,
        ],
      },
    ];
  },

  lists: () => [],

  ofService: () => [],
};
