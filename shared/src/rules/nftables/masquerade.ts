import { safe } from '../safe.ts';
import type { Part } from './part.ts';

/**
 * Whose source address is replaced by this host's, in the order of docs/architecture.md, "Who is masqueraded".
 * flannel's rules, and before them what services need.
 */
export const masquerade: Part = {
  maps: () => [{ name: 'hairpins', kind: 'set', spec: 'type ipv4_addr . ipv4_addr' }],

  chains(intent) {
    const network = safe.cidr(intent.network);
    const subnet = safe.cidr(intent.subnet);
    const mark = safe.mark(intent.mark);
    const others = `0x${(~intent.mark >>> 0).toString(16)}`;
    return [
      {
        name: 'postrouting',
        hook: { type: 'nat', hook: 'postrouting', priority: 100 },
        rules: [
          {
            // The mark is cleared first, so that a packet that is encapsulated later is not masqueraded twice.
            text: `meta mark & ${mark} == ${mark} meta mark set meta mark & ${others} masquerade fully-random`,
            why: 'marked by a service rule',
          },
          {
            text: 'ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random',
            why: 'hairpin: an endpoint that reached itself',
          },
          { text: `ip saddr ${subnet} ip daddr ${network} return`, why: 'own container to any container' },
          { text: `ip saddr ${network} ip daddr ${subnet} return`, why: 'any container to own container' },
          { text: `ip saddr != ${network} ip daddr ${subnet} return`, why: 'outside to own container' },
          {
            text: `ip saddr ${network} ip daddr != 224.0.0.0/4 masquerade fully-random`,
            why: 'container to the outside, multicast excepted',
          },
          {
            text: `ip saddr != ${network} ip daddr ${network} masquerade fully-random`,
            why: 'outside to a container of another host: the reply must return through this one',
          },
        ],
      },
    ];
  },

  elements: (service) =>
    service.vip === undefined && service.nodePort === undefined
      ? []
      : service.endpoints.map(({ address }) => ({
          map: 'hairpins',
          key: `${safe.address(address)} . ${address}`,
        })),
};
