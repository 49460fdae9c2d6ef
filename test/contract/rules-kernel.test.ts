import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { messageOf } from '../../shared/src/errors.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import type { Ruleset } from '../../shared/src/rules/ruleset.ts';
import { FakeIptables } from '../support/fake-iptables.ts';
import { FakeNft } from '../support/fake-nft.ts';
import { anyIntent, intentOf, manyServices, TEST_SERVICE } from '../support/intents.ts';
import { type Netns, openNetns } from '../support/netns.ts';

/** One suite for the kernels in miniature and the real one, so that the former may stand for the latter elsewhere. */
interface Kernel {
  apply(input: string): Promise<void>;
  list(): Promise<string>;
}

interface Case {
  readonly name: string;
  readonly ruleset: Ruleset;
  readonly open: (world: Netns) => Kernel;
  /** Somebody breaks what stands, one way each. Empty for a kernel in miniature. */
  readonly damage: readonly string[];
}

const RUNS = { numRuns: 6 };

function iptablesCase(variant: 'nft' | 'legacy'): Case {
  const command = `iptables-${variant}`;
  return {
    name: `the real kernel, iptables-${variant}`,
    ruleset: iptables,
    open: (world) => ({
      apply: async (input) => {
        if (input !== '') await world.exec(`${command}-restore`, ['--noflush', '-w', '5'], { input });
      },
      // Named, since in an ordinary user's namespace nobody may read which tables of iptables-legacy there are.
      list: async () => (await world.sh(`${command}-save -t nat; ${command}-save -t filter`)).stdout,
    }),
    damage: [
      `${command} -t nat -D PREROUTING 1`,
      `${command} -t nat -F CWY-SERVICES`,
      `${command} -t nat -D CWY-POSTROUTING 3`,
      `${command} -t nat -A CWY-NODEPORTS -p tcp --dport 1 -j DNAT --to-destination 10.10.1.2:1`,
      `${command} -t nat -N CWY-SVC-STRANGER`,
      `${command} -t nat -A POSTROUTING -m comment --comment "causeway: masquerade" -j CWY-POSTROUTING`,
      `${command} -t filter -I OUTPUT -j CWY-REJECT`,
      `${command} -t filter -F FORWARD; ${command} -t filter -F CWY-FORWARD`,
      `${command} -t filter -F; ${command} -t filter -X; ${command} -t nat -F; ${command} -t nat -X`,
    ],
  };
}

const cases: readonly Case[] = [
  {
    name: 'nftables in miniature',
    ruleset: nftables,
    open: () => {
      const fake = new FakeNft();
      return { apply: async (input) => fake.apply(input), list: async () => fake.list() };
    },
    damage: [],
  },
  {
    name: 'the real kernel, nftables',
    ruleset: nftables,
    open: (world) => ({
      apply: async (input) => void (await world.exec('nft', ['-f', '-'], { input })),
      list: async () => {
        const args = ['-j', 'list', 'table', 'ip', 'causeway'];
        return (await world.exec('nft', args, { okCodes: [1] })).stdout;
      },
    }),
    damage: [
      'nft delete table ip causeway',
      'nft flush table ip causeway',
      'nft flush chain ip causeway postrouting',
      'nft delete element ip causeway services { 2.2.2.2 . tcp . 88 }',
      'nft delete element ip causeway pick2 { 2.2.2.2 . tcp . 88 . 1 }',
      'nft add element ip causeway vips { 9.9.9.9 }',
      'nft add rule ip causeway forward accept',
      'nft insert rule ip causeway refuse counter comment \\"mine\\"',
      'nft add chain ip causeway strange',
      'nft add set ip causeway strange "{ type ipv4_addr; }"',
      'nft chain ip causeway postrouting "{ policy drop; }"',
      'nft delete element ip causeway pick2 { 2.2.2.2 . tcp . 88 . 1 }; nft add element ip causeway pick2 { 2.2.2.2 . tcp . 88 . 1 : 6.6.6.6 . 6 }',
    ],
  },
  {
    name: 'iptables in miniature',
    ruleset: iptables,
    open: () => {
      const fake = new FakeIptables();
      return {
        apply: async (input) => fake.apply(input),
        list: async () => fake.list(),
      };
    },
    damage: [],
  },
  iptablesCase('nft'),
  iptablesCase('legacy'),
];

const intent = intentOf([
  TEST_SERVICE,
  { id: 'dns', vip: '10.96.0.1', protocol: 'udp', port: 53, endpoints: [{ address: '10.10.1.2', port: 53 }] },
  { id: 'idle', vip: '10.96.0.1', protocol: 'sctp', port: 53, nodePort: 30009, endpoints: [] },
]);

describe.each(cases)('rules in $name', ({ ruleset, open }) => {
  let world: Netns;
  let kernel: Kernel;
  beforeAll(async () => {
    world = await openNetns();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    kernel = open(world);
    await kernel.apply(ruleset.clean(await kernel.list()));
  });

  it('says that nothing is there before the first run', async () => {
    expect(ruleset.drift(intent, await kernel.list())).not.toEqual([]);
  });

  it('holds the intent after a full run, and after a second one', async () => {
    for (let i = 0; i < 2; i++) {
      await kernel.apply(ruleset.full(intent, await kernel.list()));
      expect(ruleset.drift(intent, await kernel.list())).toEqual([]);
    }
  });

  it('holds each intent of a random sequence after its change', async () => {
    const sequence = fc.array(anyIntent, { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sequence, async (intents) => {
        await kernel.apply(ruleset.clean(await kernel.list()));
        let held = intentOf([]);
        await kernel.apply(ruleset.full(held, await kernel.list()));
        for (const next of intents) {
          await kernel.apply(ruleset.change(held, next));
          expect(ruleset.drift(next, await kernel.list())).toEqual([]);
          held = next;
        }
      }),
      RUNS,
    );
  });

  it('hands a VIP, a port and a NodePort over between services in one change', async () => {
    const { endpoints: _, ...frontends } = TEST_SERVICE;
    const before = intentOf([TEST_SERVICE, { id: 'a', protocol: 'tcp', port: 9, endpoints: [] }]);
    const after = intentOf([
      { ...TEST_SERVICE, vip: '2.2.2.3', nodePort: 30002 },
      { ...frontends, id: 'a', endpoints: [{ address: '10.10.3.3', port: 80 }] },
    ]);
    await kernel.apply(ruleset.full(before, await kernel.list()));
    await kernel.apply(ruleset.change(before, after));
    expect(ruleset.drift(after, await kernel.list())).toEqual([]);
  });

  it('refuses a change as a whole when the kernel does not hold what it starts from', async () => {
    await kernel.apply(ruleset.full(intentOf([]), await kernel.list()));
    await expect(kernel.apply(ruleset.change(intent, intentOf([])))).rejects.toThrow();
    expect(ruleset.drift(intentOf([]), await kernel.list())).toEqual([]);
  });

  it('is clean after cleaning, and cleaning again does no harm', async () => {
    const before = await kernel.list();
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    for (let i = 0; i < 2; i++) {
      await kernel.apply(ruleset.clean(await kernel.list()));
      expect(withoutStamps(await kernel.list())).toBe(withoutStamps(before));
    }
  });

  it('takes 2,000 services, in parts where the socket is too small', async () => {
    const many = intentOf(manyServices(2000));
    await applyLarge(kernel, ruleset, ruleset.full(many, await kernel.list()));
    expect(ruleset.drift(many, await kernel.list())).toEqual([]);
    const { services } = intentOf([...manyServices(2000), TEST_SERVICE]);
    await kernel.apply(ruleset.change(many, { ...many, services }));
    expect(ruleset.drift({ ...many, services }, await kernel.list())).toEqual([]);
    await applyLarge(kernel, ruleset, ruleset.clean(await kernel.list()));
  });
});

const realCases = cases.filter(({ damage }) => damage.length > 0);

describe.each(realCases)('rules and others in $name', ({ ruleset, open, damage }) => {
  let world: Netns;
  let kernel: Kernel;
  beforeAll(async () => {
    world = await openNetns();
    kernel = open(world);
  });
  afterAll(() => world.close());

  it.each(damage)('tells and mends: %s', async (command) => {
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    await world.sh(command);
    expect(ruleset.drift(intent, await kernel.list())).not.toEqual([]);
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    expect(ruleset.drift(intent, await kernel.list())).toEqual([]);
  });

  it('touches no rule of anybody else', async () => {
    await kernel.apply(ruleset.clean(await kernel.list()));
    await world.sh(FOREIGN);
    const before = await everybodyElse(world);
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    await kernel.apply(ruleset.change(intent, intentOf([])));
    expect(await everybodyElse(world)).toEqual(before);
    await kernel.apply(ruleset.clean(await kernel.list()));
    expect(await everybodyElse(world)).toEqual(before);
  });
});

/** What the kernel holds in any rule language, without ours. The tables nat and filter are iptables-nft's. */
async function everybodyElse(world: Netns): Promise<readonly string[]> {
  const { stdout } = await world.sh(
    'nft list ruleset; iptables-legacy-save -t nat; iptables-legacy-save -t filter; iptables-nft-save',
  );
  return withoutStamps(stdout.replace(/^table ip (?:causeway|nat|filter) \{\n[\s\S]*?^\}\n/gm, ''))
    .split('\n')
    .filter((line) => !/CWY-/.test(line));
}

/** In one transaction, or in parts where a user namespace may not raise the socket's buffer. */
async function applyLarge(kernel: Kernel, ruleset: Ruleset, input: string): Promise<void> {
  try {
    await kernel.apply(input);
  } catch (error) {
    if (!messageOf(error).includes('Message too long')) throw error;
    for (const part of ruleset.parts(input)) await kernel.apply(part);
  }
}

/** Docker-like neighbours in every rule language. */
const FOREIGN = `
for v in nft legacy; do
  iptables-$v -t nat -N DOCKER
  iptables-$v -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
  iptables-$v -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
  iptables-$v -t filter -A FORWARD -s 10.0.0.0/8 -j DROP
done
nft add table inet mine
nft add chain inet mine forward '{ type filter hook forward priority 0; policy drop; }'
nft add table ip6 causeway
`;

function withoutStamps(listing: string): string {
  return listing
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]')
    .replace(/counter packets \d+ bytes \d+/g, 'counter');
}
