import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { setsListing } from '../../shared/src/rules/iptables/sets.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import type { Ruleset } from '../../shared/src/rules/ruleset.ts';
import { applyIptables } from '../support/dataplanes.ts';
import { FakeIptables } from '../support/fake-iptables.ts';
import { FakeNft } from '../support/fake-nft.ts';
import { testService } from '../support/intents.ts';
import type { Netns } from '../support/netns.ts';

/** A kernel that the suite of `rules-kernel.test.ts` is run on, in miniature or real. */
export interface Kernel {
  apply(input: string): Promise<void>;
  list(): Promise<string>;
}

export interface Case {
  readonly name: string;
  readonly family: Family;
  readonly ruleset: Ruleset;
  readonly open: (world: Netns) => Kernel;
  /** Somebody breaks what stands, one way each. Empty for a kernel in miniature. */
  readonly damage: readonly string[];
}

/** Thousands of rules take a second or two, and on a machine that has much else to do a minute. */
const PATIENT = { timeoutMs: 300_000 } as const;
/** iptables-nft reads all rules again for each part of them: 80 times where an ordinary user's socket takes no more. */
export const MANY_PARTS_MS = 900_000;

function iptablesCase(family: Family, variant: 'nft' | 'legacy'): Case {
  const command = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${variant}`;
  const [stranger, range] =
    family === 'ipv4' ? ['10.10.1.2:1', '10.0.0.0/8'] : ['[fd00:10:0:1::2]:1', 'fd00::/8'];
  // What the service that needs everything has for itself.
  const own = (table: string, chain: string) =>
    `$(${command} -t ${table} -S | sed -n 's/^-A \\(CWY-${chain}-[^ ]*\\) .*comment "\\?here"\\? .*/\\1/p' | head -1)`;
  return {
    name: `the real kernel, ${command}`,
    family,
    ruleset: iptables,
    open: (world) => ({
      apply: async (input) => {
        await applyIptables(input, async (program, part) => {
          const [first, args] =
            program === 'ipset' ? ['ipset', ['restore']] : [`${command}-restore`, ['--noflush', '-w', '5']];
          await world.exec(first, args, { input: part, ...PATIENT });
        });
      },
      // Named, since in an ordinary user's namespace nobody may read which tables of iptables-legacy there are.
      list: async () =>
        (await world.sh(`for table in mangle nat filter; do ${command}-save -t $table; done`, PATIENT))
          .stdout + setsListing((await world.exec('ipset', ['save'], PATIENT)).stdout, family),
    }),
    damage: [
      `${command} -t nat -D PREROUTING 1`,
      `${command} -t nat -F CWY-SERVICES`,
      `${command} -t nat -D CWY-POSTROUTING 3`,
      `${command} -t nat -A CWY-NODEPORTS -p tcp --dport 1 -j DNAT --to-destination ${stranger}`,
      `${command} -t nat -N CWY-SVC-STRANGER`,
      `${command} -t nat -A POSTROUTING -m comment --comment "causeway: masquerade" -j CWY-POSTROUTING`,
      `${command} -t filter -I OUTPUT -j CWY-REJECT`,
      `${command} -t filter -F FORWARD; ${command} -t filter -F CWY-FORWARD`,
      `${command} -t filter -F; ${command} -t filter -X; ${command} -t nat -F; ${command} -t nat -X`,
      `${command} -t filter -I FORWARD -j DROP`,
      `${command} -t nat -I POSTROUTING -j RETURN`,
      ...['SVC', 'SVL', 'INT', 'EXT'].map((chain) => `${command} -t nat -D ${own('nat', chain)} 1`),
      `${command} -t mangle -D ${own('mangle', 'SRC')} -s ${range} -m comment --comment here -j RETURN`,
      `${command} -t mangle -I ${own('mangle', 'SRC')} -j RETURN`,
      `${command} -t mangle -D CWY-SOURCES 1`,
      `${command} -t mangle -F CWY-NODESOURCES`,
      `${command} -t mangle -D OUTPUT 1`,
      `${command} -t mangle -I PREROUTING -j ACCEPT`,
      `${command} -t mangle -F; ${command} -t mangle -X`,
      `${command} -t filter -D CWY-VIPS 1`,
      `${command} -t filter -F CWY-UNSERVED`,
    ],
  };
}

function nftCase(family: Family): Case {
  const table = family === 'ipv4' ? 'ip causeway' : 'ip6 causeway';
  const { vip, endpoints } = testService(family);
  const [frontend, second] = [`${vip} . tcp . 88`, endpoints[1]?.address];
  const other = family === 'ipv4' ? '9.9.9.9' : '2001:db8::9';
  const [needy, first] = family === 'ipv4' ? ['10.96.0.1', '10.10.1.2'] : ['fd00:96::1', 'fd00:10:0:1::2'];
  const [range, wider] = family === 'ipv4' ? ['10.0.0.0/8', '10.0.0.0/7'] : ['fd00::/8', 'fc00::/7'];
  const replace = (map: string, key: string, value: string) =>
    `nft delete element ${table} ${map} { ${key} }; nft add element ${table} ${map} { ${key} ${value} }`;
  return {
    name: `the real kernel, nftables, ${family}`,
    family,
    ruleset: nftables,
    open: (world) => ({
      apply: async (input) => void (await world.exec('nft', ['-f', '-'], { input, ...PATIENT })),
      list: async () => {
        const args = ['-j', 'list', 'table', ...table.split(' ')];
        return (await world.exec('nft', args, { okCodes: [1], ...PATIENT })).stdout;
      },
    }),
    damage: [
      `nft delete table ${table}`,
      `nft flush table ${table}`,
      `nft flush chain ${table} postrouting`,
      `nft delete element ${table} services { ${frontend} }`,
      `nft delete element ${table} pick2 { ${frontend} . 1 }`,
      `nft add element ${table} vips { ${other} }`,
      `nft add rule ${table} forward accept`,
      `nft insert rule ${table} refuse counter comment \\"mine\\"`,
      `nft add chain ${table} strange`,
      `nft add set ${table} strange "{ type ipv4_addr; }"`,
      `nft chain ${table} postrouting "{ policy drop; }"`,
      replace('pick2', `${frontend} . 1`, `: ${second} . 6`),
      replace('affine', `${needy} . tcp . 54 . 255`, `: ${second} . 6`),
      replace('services', `${needy} . tcp . 55`, ': goto affine'),
      replace('outside-node-ports', 'tcp . 30011', ': goto outside-affine'),
      `nft delete element ${table} outside-node-ports { tcp . 30010 }`,
      `nft delete element ${table} outside-affine { tcp . 30010 . 7 }`,
      `nft flush chain ${table} outside`,
      `nft flush chain ${table} check-output`,
      `nft flush chain ${table} check-sources`,
      `nft delete element ${table} restricted { ${needy} . tcp . 54 }`,
      `nft add element ${table} restricted { ${frontend} }`,
      `nft delete element ${table} restricted-node-ports { tcp . 30010 }`,
      `nft delete element ${table} sources { ${needy} . tcp . 54 . ${range} }`,
      `nft delete element ${table} sources { ${needy} . tcp . 54 . ${range} }; nft add element ${table} sources { ${needy} . tcp . 54 . ${wider} }`,
      `nft add element ${table} sources { ${needy} . tcp . 56 . ${first}-${second} }`,
      `nft flush set ${table} node-sources`,
    ],
  };
}

/** The kernels in miniature. */
function fakeCases(family: Family): readonly Case[] {
  const open = (fake: { apply(input: string): void; list(): string }) => (): Kernel => ({
    apply: async (input) => fake.apply(input),
    list: async () => fake.list(),
  });
  return [
    {
      ...{ name: `nftables in miniature, ${family}`, family, ruleset: nftables, damage: [] },
      open: () => open(new FakeNft(family))(),
    },
    {
      ...{ name: `iptables in miniature, ${family}`, family, ruleset: iptables, damage: [] },
      open: () => open(new FakeIptables())(),
    },
  ];
}

export const cases: readonly Case[] = FAMILIES.flatMap((family) => [
  ...fakeCases(family),
  nftCase(family),
  iptablesCase(family, 'nft'),
  iptablesCase(family, 'legacy'),
]);
