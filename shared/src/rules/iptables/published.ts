import type { PublishedIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { chains } from '../names.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { type Chain, comment, type Part } from './part.ts';
import { host, target } from './words.ts';

/**
 * A port of this host → one of its containers: a rule per port, and a chain per place that one or more of them lead to.
 * Nothing of it is there while nothing is published.
 *
 * Who comes from outside keeps his address: the container answers through this host anyhow.
 */
export const published: Part = {
  jumps: (intent) => {
    if (intent.published.length === 0) return [];
    const rule = `${comment('causeway: published ports')} -j ${chains.published}`;
    return [
      { table: 'nat', chain: 'PREROUTING', rule },
      { table: 'nat', chain: 'OUTPUT', rule },
    ];
  },

  chains: (intent) => {
    const { published: all, family } = intent;
    if (all.length === 0) return [];
    const rules = (wanted: readonly PublishedIntent[]) => wanted.map((one) => ruleOf(one, family));
    const [onOne, anywhere] = [true, false].map((isOne) =>
      all.filter(({ hostAddress }) => (hostAddress !== undefined) === isOne),
    );
    return [
      {
        table: 'nat',
        name: chains.published,
        rules: [
          ...rules(onOne ?? []),
          `! -d ${RANGES[family].loopback} ${comment('an address of this host')} -m addrtype --dst-type LOCAL -j ${chains.publishedAnywhere}`,
        ],
      },
      { table: 'nat', name: chains.publishedAnywhere, rules: rules(anywhere ?? []) },
      ...new Map(all.map((one) => [chains.publish(one), translation(one, family)])).values(),
    ];
  },

  lists: () => [],

  ofService: () => [],
};

function ruleOf(one: PublishedIntent, family: Family): string {
  const protocol = safe.protocol(one.protocol);
  const port = `-p ${protocol} -m ${protocol} --dport ${safe.port(one.hostPort)}`;
  if (one.hostAddress === undefined) return `${port} -j ${chains.publish(one)}`;
  // An address may go to another host, and what is for it there only passes through this one.
  const to = host(one.hostAddress, family);
  return `-d ${to} ${port} -m addrtype --dst-type LOCAL -j ${chains.publish(one)}`;
}

function translation(one: PublishedIntent, family: Family): Chain {
  const { address, port, protocol } = one;
  return {
    table: 'nat',
    name: chains.publish(one),
    rules: [
      `-s ${host(address, family)} ${comment('hairpin: a container that reaches itself')} -j ${chains.mark}`,
      `${comment('this host itself asks')} -m addrtype --src-type LOCAL -j ${chains.mark}`,
      `-p ${safe.protocol(protocol)} ${comment('the container that publishes the port')} -j DNAT --to-destination ${target(address, port, family)}`,
    ],
  };
}
