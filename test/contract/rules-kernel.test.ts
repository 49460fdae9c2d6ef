import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { messageOf } from '../../shared/src/errors.ts';
import type { Family } from '../../shared/src/net/family.ts';
import type { Ruleset } from '../../shared/src/rules/ruleset.ts';
import { publishedIntent } from '../support/any-published.ts';
import {
  anyIntentOf,
  endpoint,
  intentOf,
  manyServices,
  serviceIntent,
  testPolicy,
  testService,
} from '../support/intents.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import { cases, type Kernel, MANY_PARTS_MS } from './rules-kernel-cases.ts';

/** One suite for the kernels in miniature and the real one, so that the former may stand for the latter elsewhere. */
const HOST = { ipv4: '192.168.122.11', ipv6: 'fd00:122::11' } as const;
const RUNS = { numRuns: 4 };

/**
 * A service on two endpoints, another one on one, and one on none, which shares the VIP of the second; and two that
 * need all that a service can need, of which only the first has an endpoint here.
 */
function someServices(family: Family): FirewallIntent {
  const [vip, address] = family === 'ipv4' ? ['10.96.0.1', '10.10.1.2'] : ['fd00:96::1', 'fd00:10:0:1::2'];
  const needy: Partial<ServiceIntent> & Pick<ServiceIntent, 'endpoints'> = {
    ...{ vip, endpoints: testService(family).endpoints, affinity: true },
    ...{ internalPolicy: 'local', externalPolicy: 'local' },
    sourceRanges: family === 'ipv4' ? ['10.0.0.0/8', '192.0.2.1/32'] : ['2001:db8::1/128', 'fd00::/8'],
  };
  return {
    ...intentOf(
      [
        testService(family),
        serviceIntent({ id: 'dns', vip, protocol: 'udp', port: 53, endpoints: [endpoint(address, 53)] }),
        serviceIntent({ id: 'idle', vip, protocol: 'sctp', port: 53, nodePort: 30009 }),
        serviceIntent({
          ...needy,
          id: 'here',
          port: 54,
          nodePort: 30010,
          localEndpoints: needy.endpoints.slice(0, 1),
        }),
        serviceIntent({ ...needy, id: 'elsewhere', port: 55, nodePort: 30011 }),
      ],
      family,
    ),
    policies: [testPolicy(family)],
    published: [
      publishedIntent({ hostPort: 8080, address, port: 80 }),
      publishedIntent({ hostPort: 8080, hostAddress: HOST[family], protocol: 'udp', address, port: 53 }),
    ],
    nonMasqueradeCidrs: family === 'ipv4' ? ['192.0.2.0/24'] : ['2001:db8:2::/48'],
  };
}

describe.each(cases)('rules in $name', ({ family, ruleset, open }) => {
  const intent = someServices(family);
  const nothing = { ...intent, services: [], published: [], policies: [] };
  let world: Netns;
  let kernel: Kernel;
  beforeAll(async () => {
    world = await openNetns();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    kernel = open(world);
    await kernel.apply(ruleset.clean(await kernel.list(), family));
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
    const sequence = fc.array(anyIntentOf(family), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sequence, async (intents) => {
        await kernel.apply(ruleset.clean(await kernel.list(), family));
        let held = intentOf([], family);
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
    const service = testService(family);
    const vip = family === 'ipv4' ? '2.2.2.3' : '2001:db8::3';
    const before = intentOf([service, serviceIntent({ id: 'a', port: 9 })], family);
    const after = intentOf(
      [
        { ...service, vip, nodePort: 30002 },
        { ...service, id: 'a', endpoints: service.endpoints.slice(1).map((one) => ({ ...one, port: 80 })) },
      ],
      family,
    );
    await kernel.apply(ruleset.full(before, await kernel.list()));
    await kernel.apply(ruleset.change(before, after));
    expect(ruleset.drift(after, await kernel.list())).toEqual([]);
  });

  it('refuses a change as a whole when the kernel does not hold what it starts from', async () => {
    await kernel.apply(ruleset.full(nothing, await kernel.list()));
    await expect(kernel.apply(ruleset.change(intent, nothing))).rejects.toThrow();
    expect(ruleset.drift(nothing, await kernel.list())).toEqual([]);
  });

  it('is clean after cleaning, and cleaning again does no harm', async () => {
    const before = await kernel.list();
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    for (let i = 0; i < 2; i++) {
      await kernel.apply(ruleset.clean(await kernel.list(), family));
      expect(withoutStamps(await kernel.list())).toBe(withoutStamps(before));
    }
  });

  it(
    'takes 2,000 services, in parts where the socket is too small',
    async () => {
      const many = intentOf(manyServices(2000, family), family);
      await applyLarge(kernel, ruleset, ruleset.full(many, await kernel.list()));
      expect(ruleset.drift(many, await kernel.list())).toEqual([]);
      const { services } = intentOf([...manyServices(2000, family), testService(family)], family);
      await kernel.apply(ruleset.change(many, { ...many, services }));
      expect(ruleset.drift({ ...many, services }, await kernel.list())).toEqual([]);
      await applyLarge(kernel, ruleset, ruleset.clean(await kernel.list(), family));
    },
    MANY_PARTS_MS,
  );
});

const realCases = cases.filter(({ damage }) => damage.length > 0);

describe.each(realCases)('rules and others in $name', ({ family, ruleset, open, damage }) => {
  const intent = someServices(family);
  let world: Netns;
  let kernel: Kernel;
  beforeAll(async () => {
    world = await openNetns();
    kernel = open(world);
  });
  afterAll(() => world.close());

  /** The damage before was mended. */
  let isWhole = false;

  it.each(damage)('tells and mends: %s', async (command) => {
    if (!isWhole) await kernel.apply(ruleset.full(intent, await kernel.list()));
    isWhole = false;
    await world.sh(command);
    const damaged = await kernel.list();
    expect(ruleset.drift(intent, damaged)).not.toEqual([]);
    await kernel.apply(ruleset.full(intent, damaged));
    expect(ruleset.drift(intent, await kernel.list())).toEqual([]);
    isWhole = true;
  });

  it('touches no rule of anybody else', async () => {
    await kernel.apply(ruleset.clean(await kernel.list(), family));
    await world.sh(foreignTo(family));
    const before = await everybodyElse(world, family);
    await kernel.apply(ruleset.full(intent, await kernel.list()));
    await kernel.apply(ruleset.change(intent, { ...intent, services: [] }));
    expect(await everybodyElse(world, family)).toEqual(before);
    await kernel.apply(ruleset.clean(await kernel.list(), family));
    expect(await everybodyElse(world, family)).toEqual(before);
  });
});

/** What the kernel holds in any rule language, without ours. The tables of these names are iptables-nft's. */
async function everybodyElse(world: Netns, family: Family): Promise<readonly string[]> {
  const ip = family === 'ipv4' ? 'ip' : 'ip6';
  const { stdout } = await world.sh(
    `nft list ruleset; for i in ip ip6; do for v in nft legacy; do for t in mangle nat filter raw; do
      \${i}tables-$v-save -t $t
    done; done; done`,
  );
  const ours = new RegExp(
    `^table (?:${ip} causeway|ip6? (?:mangle|nat|filter|raw)) \\{\\n[\\s\\S]*?^\\}\\n`,
    'gm',
  );
  return withoutStamps(stdout.replace(ours, ''))
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

/** Neighbours in every rule language and both families, and a table of ours in the other family. */
function foreignTo(family: Family): string {
  return `
for i in ip ip6; do for v in nft legacy; do
  t=\${i}tables-$v
  $t -t nat -N DOCKER
  $t -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
  $t -t nat -A POSTROUTING ! -o docker0 -j MASQUERADE
  $t -t filter -A FORWARD -p tcp -j DROP
  $t -t raw -A PREROUTING ! -i docker0 -p tcp -j DROP
  $t -t mangle -A PREROUTING -p tcp -j MARK --set-mark 1
done; done
nft add table inet mine
nft add chain inet mine forward '{ type filter hook forward priority 0; policy drop; }'
nft add table ${family === 'ipv4' ? 'ip6' : 'ip'} causeway
`;
}

function withoutStamps(listing: string): string {
  return listing
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]')
    .replace(/counter packets \d+ bytes \d+/g, 'counter');
}
