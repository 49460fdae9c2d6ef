import { restoring } from '../../node-agent/src/kernel/ip-sets.ts';
import type { Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { type Section, sectionsOf, setsListing } from '../../shared/src/rules/iptables/sets.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import type { Ruleset } from '../../shared/src/rules/ruleset.ts';
import type { Netns } from './netns.ts';

export const DATAPLANES = ['nftables', 'iptables-nft', 'iptables-legacy'] as const;
export type DataplaneName = (typeof DATAPLANES)[number];

/** One way of making rules, in one network namespace of a world. */
export interface Dataplane {
  readonly ruleset: Ruleset;
  apply(family: Family, input: string): Promise<void>;
  list(family: Family): Promise<string>;
}

const IP = { ipv4: { nft: 'ip', tables: 'iptables' }, ipv6: { nft: 'ip6', tables: 'ip6tables' } } as const;

/** @param where a named namespace; absent: the world's own */
export function dataplaneIn(world: Pick<Netns, 'exec'>, name: DataplaneName, where?: string): Dataplane {
  const enter = where === undefined ? [] : ['ip', 'netns', 'exec', where];
  const sh = async (script: string, input = '') => {
    const [command = '', ...args] = [...enter, 'sh', '-ec', script];
    return (await world.exec(command, args, { input })).stdout;
  };
  if (name === 'nftables')
    return {
      ruleset: nftables,
      apply: async (_, input) => void (await sh('nft -f -', input)),
      list: (family) => sh(`nft -j list table ${IP[family].nft} causeway || :`),
    };
  const programOf = (family: Family) => name.replace('iptables', IP[family].tables);
  return {
    ruleset: iptables,
    apply: (family, input) =>
      applyIptables(input, async (program, part) => {
        await sh(program === 'ipset' ? 'ipset restore' : `${programOf(family)}-restore --noflush`, part);
      }),
    list: async (family) => {
      const save = `${programOf(family)}-save`;
      const rules = await sh(`for table in mangle nat filter; do ${save} -t $table; done`);
      return rules + setsListing(await sh('ipset save'), family);
    },
  };
}

/** Hands what `rules/iptables` writes to its programs, as the agent does. */
export async function applyIptables(
  input: string,
  hand: (program: Section['program'], part: string) => Promise<void>,
): Promise<void> {
  for (const { program, input: part } of sectionsOf(input))
    if (program === 'ipset') await restoring(part, (lines) => hand(program, lines));
    else await hand(program, part);
}
