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
  const [subject, network, sets] =
    family === 'ipv4' ? ['10.10.1.2', '10.10.0.0/16', 'CWY4-'] : ['fd00:10:0:1::2', 'fd00:10::/48', 'CWY6-'];
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
      `${command} -t nat -F CWY-PUBLISHED-ANYWHERE`,
      `${command} -t nat -D CWY-PUBLISHED 1`,
      `${command} -t nat -F $(${command} -t nat -S | sed -n 's/^-N \\(CWY-PUB-.*\\)/\\1/p' | head -1)`,
      `${command} -t nat -D OUTPUT -m comment --comment 'causeway: published ports' -j CWY-PUBLISHED`,
      `${command} -t filter -D CWY-INGRESS -d ${subject} -j CWY-PTO-5f3a`,
      `${command} -t filter -F CWY-EGRESS`,
      `${command} -t filter -D CWY-PTO-5f3a 1`,
      `${command} -t filter -F CWY-PTO-5f3a-0`,
      `${command} -t mangle -F CWY-ASKED`,
      `${command} -t mangle -F CWY-PAS-5f3a`,
      `${command} -t filter -D INPUT -m comment --comment 'causeway: policies' -m conntrack ! --ctstate RELATED,ESTABLISHED -j CWY-EGRESS`,
      `ipset flush ${sets}5f3a-TD`,
      `ipset add ${sets}5f3a-TA ${range}`,
      `ipset del ${sets}5f3a-TAP ${network},tcp:81`,
      `ipset create ${sets}strange hash:net family ${family === 'ipv4' ? 'inet' : 'inet6'}`,
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
  const [hostAddress, network] =
    family === 'ipv4' ? ['192.168.122.11', '10.10.0.0/16'] : ['fd00:122::11', 'fd00:10::/48'];
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
      `nft delete element ${table} published { ${hostAddress} . udp . 8080 }`,
      `nft flush map ${table} publish-anywhere`,
      replace('publish-anywhere', 'tcp . 8080', `: ${first} . 81`),
      `nft flush chain ${table} publish`,
      `nft flush chain ${table} published-postrouting`,
      `nft delete element ${table} policies-to { ${first} }`,
      replace('policies-from', first, ': jump policies-begin'),
      `nft flush map ${table} policies-asked`,
      `nft flush chain ${table} policies-input`,
      `nft flush chain ${table} policy-5f3a-to`,
      `nft flush chain ${table} policy-5f3a-to-limit0`,
      `nft add element ${table} policy-5f3a-to-allow { ${range} }`,
      `nft flush set ${table} policy-5f3a-to-deny`,
      `nft delete element ${table} policy-5f3a-to-allow-ports { ${network} . tcp . 80-81 }`,
      `nft add element ${table} policy-5f3a-from-deny-ports { ${first} . udp . 1-9 }`,
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
