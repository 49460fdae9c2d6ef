import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { comment, type Part } from './part.ts';
import { match } from './services.ts';
import { host, WORDS } from './words.ts';

const onlyNew = `${comment('causeway: refuse')} -m conntrack --ctstate NEW`;

/**
 * What is refused. The filter table comes after the translation, so a packet that still carries a VIP has found
 * no endpoint. A live VIP refuses at once, an address that no service has is dropped.
 */
export const reject: Part = {
  jumps: [
    // A program of the host may hold such a port, or an administrator a VIP; what it has open goes on.
    { table: 'filter', chain: 'INPUT', rule: `${onlyNew} -j ${chains.input}` },
    { table: 'filter', chain: 'OUTPUT', rule: `${onlyNew} -j ${chains.vips}` },
  ],

  chains: ({ family }) => [
    {
      table: 'filter',
      name: chains.reject,
      rules: ['-p tcp -j REJECT --reject-with tcp-reset', `-j REJECT --reject-with ${WORDS[family].reject}`],
    },
  ],

  lists: (intent) => [
    {
      table: 'filter',
      name: chains.input,
      entries: (all) =>
        all.flatMap((service) =>
          service.nodePort === undefined || service.endpoints.length > 0
            ? []
            : [
                `! -d ${RANGES[intent.family].loopback} ${match(service, service.nodePort)} -j ${chains.reject}`,
              ],
        ),
      tail: [`${comment('a VIP that is an address of this host')} -j ${chains.vips}`],
    },
    {
      table: 'filter',
      name: chains.vips,
      // Sorted, since several services may share a VIP: the order must not depend on which of them comes first.
      entries: (all) =>
        [...new Set(all.flatMap(({ vip }) => (vip === undefined ? [] : [host(vip, intent.family)])))]
          .sort()
          .map((vip) => `-d ${vip} -j ${chains.reject}`),
      tail:
        intent.serviceRange === undefined
          ? []
          : [
              `-d ${safe.cidr(intent.serviceRange, intent.family)} ${comment('an address that no service has')} -j DROP`,
            ],
    },
  ],

  ofService: () => [],
};
