import fc from 'fast-check';
import { expect, it } from 'vitest';
import { policiesOf } from '../../shared/src/desired/policies.ts';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import type {
  NetworkPolicy,
  PolicyPeerSet,
  PolicyRule,
  ResolvedPeers,
} from '../../shared/src/model/network-policy.ts';
import { PROTOCOLS } from '../../shared/src/model/service.ts';
import { blockHasIp, familyOf, parseBlock, parseIp } from '../../shared/src/net/block.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { judgeOf } from '../../shared/src/rules/judge.ts';
import { snapshotOf } from '../support/desired-host.ts';

/** What hosts make of policies is what these say, read word by word. */

type Labels = Readonly<Record<string, string>>;
interface Thing {
  readonly name: string;
  readonly labels: Labels;
  readonly addresses: Readonly<Record<Family, string>>;
}

const NAMES = ['a', 'b', 'c', 'd'];
const labels: fc.Arbitrary<Labels> = fc.dictionary(
  fc.constantFrom('app', 'tier'),
  fc.constantFrom('x', 'y'),
  { maxKeys: 2 },
);
const selector = labels.filter((one) => Object.keys(one).length > 0);
const names = fc.uniqueArray(fc.constantFrom(...NAMES, 'nobody'), { minLength: 1, maxLength: 2 });
const cidr = fc.constantFrom(
  ...['0.0.0.0/0', '10.10.0.0/23', '10.10.1.2/32', '10.10.2.0/24', '198.51.100.7/25'],
  ...['::/0', 'fd00:10::/32', 'fd00:10:0:1::2/128'],
);
const ports = fc.oneof(
  fc.record({ protocol: fc.constantFrom(...PROTOCOLS) }),
  fc.record({ protocol: fc.constantFrom(...PROTOCOLS), port: fc.constantFrom(80, 81) }),
  fc.record({
    ...{ protocol: fc.constantFrom(...PROTOCOLS), port: fc.constantFrom(79, 81) },
    endPort: fc.constantFrom(81, 90),
  }),
);
const peers = fc
  .record(
    { cidrs: fc.array(cidr, { minLength: 1, maxLength: 2 }), containers: names, labels: selector },
    { requiredKeys: [] },
  )
  .filter((one) => Object.keys(one).length > 0);
const limit = fc.constant({ connections: 25, per: 'minute', burst: 100 } as const);
const rule: fc.Arbitrary<PolicyRule> = fc
  .record(
    {
      action: fc.constantFrom('allow' as const, 'deny' as const),
      ...{ peers, limit, ports: fc.array(ports, { minLength: 1, maxLength: 2 }) },
    },
    { requiredKeys: ['action'] },
  )
  .map(({ limit: rate, ...rest }) =>
    rate === undefined || rest.action === 'deny' ? rest : { ...rest, limit: rate },
  );
const side = fc.record(
  { default: fc.constantFrom('allow' as const, 'deny' as const), rules: fc.array(rule, { maxLength: 3 }) },
  { requiredKeys: ['rules'] },
);
const subjects = fc.record({ containers: names, labels: selector }, { requiredKeys: [] });
const policies: fc.Arbitrary<readonly NetworkPolicy[]> = fc
  .array(fc.record({ subjects, ingress: side, egress: side }, { requiredKeys: ['subjects'] }), {
    maxLength: 4,
  })
  .map((all) => all.map((one, i) => ({ name: `p${i}`, ...one })));
const things: fc.Arbitrary<readonly Thing[]> = fc.tuple(...NAMES.map(() => labels)).map((all) =>
  all.map((own, i) => ({
    ...{ name: NAMES[i] ?? '', labels: own },
    addresses: {
      ipv4: `10.10.${1 + (i >> 1)}.${2 + (i & 1)}`,
      ipv6: `fd00:10:0:${1 + (i >> 1)}::${2 + (i & 1)}`,
    },
  })),
);

const hasAll = (wanted: Labels, own: Labels) =>
  Object.entries(wanted).every(([key, value]) => own[key] === value);
const isIn = (text: string, address: string) => {
  const [block, ip] = [parseBlock(text), parseIp(address)];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
};

/** What the controller finds out. */
function resolve(policy: NetworkPolicy, all: readonly Thing[]): PolicyPeerSet {
  const of = (direction: 'ingress' | 'egress') =>
    (policy[direction]?.rules ?? []).flatMap((one, index): ResolvedPeers[] => {
      if (one.peers?.containers === undefined && one.peers?.labels === undefined) return [];
      const meant = all.filter((thing) => isNamed(one, thing));
      return [
        {
          side: direction,
          rule: index,
          addresses: meant.flatMap(({ addresses }) => Object.values(addresses)),
        },
      ];
    });
  return { name: policy.name, rules: [...of('ingress'), ...of('egress')] };
}

function isNamed({ peers: whom }: PolicyRule, thing: Thing): boolean {
  if (whom?.containers?.includes(thing.name)) return true;
  return whom?.labels !== undefined && hasAll(whom.labels, thing.labels);
}

interface Connection {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
}

/** Read word by word, for one end of a connection. */
function refuses(
  all: readonly NetworkPolicy[],
  everything: readonly Thing[],
  direction: 'ingress' | 'egress',
  subject: Thing,
  peer: string,
  { protocol, port }: Connection,
): boolean {
  const meant = all.filter(({ subjects: { containers, labels: wanted } }) => {
    if (containers === undefined && wanted === undefined) return true;
    return (
      containers?.includes(subject.name) === true || (wanted !== undefined && hasAll(wanted, subject.labels))
    );
  });
  const sides = meant.flatMap((policy) => policy[direction] ?? []);
  const names = (one: PolicyRule) => {
    const who = everything.find(({ addresses }) => Object.values(addresses).includes(peer));
    const isPeer =
      one.peers === undefined ||
      one.peers.cidrs?.some((text) => isIn(text, peer)) === true ||
      (who !== undefined && isNamed(one, who));
    const isPort =
      one.ports === undefined ||
      one.ports.some(
        ({ protocol: own, port: first, endPort = first }) =>
          own === protocol && (first === undefined || (port >= first && port <= (endPort ?? first))),
      );
    return isPeer && isPort;
  };
  const rules = sides.flatMap((one) => one.rules).filter(names);
  if (rules.some(({ action }) => action === 'deny')) return true;
  return rules.length === 0 && sides.some((one) => one.default === 'deny');
}

it('refuses what the policies refuse, read word by word, in both families and directions', () => {
  const scene = fc.record({ policies, things, protocol: fc.constantFrom('tcp', 'udp', 'sctp', 'icmp') });
  fc.assert(
    fc.property(scene, ({ policies: all, things: everything, protocol }) => {
      const specs = everything.map(
        ({ name, labels: own }): ContainerSpec => ({
          name,
          host: 'host-1',
          command: ['x'],
          files: {},
          labels: own,
        }),
      );
      // The last of them is on another host.
      const here = everything.slice(0, -1);
      const local = { specs: specs.slice(0, -1), addresses: here };
      const policyPeers = new Map(all.map((one) => [one.name, resolve(one, everything)]));
      const { byFamily } = policiesOf(snapshotOf({ policies: all, policyPeers }), local);
      const judge = judgeOf(FAMILIES.flatMap((family) => byFamily[family]));
      const outside = { ipv4: ['198.51.100.1', '192.0.2.1'], ipv6: ['fd00:99::1'] };
      for (const family of FAMILIES) {
        const ends = [...everything.map(({ addresses }) => addresses[family]), ...outside[family]];
        for (const source of ends)
          for (const destination of ends) {
            if (source === destination) continue;
            for (const port of [80, 81, 90, 91]) {
              const one = { protocol, source, destination, port };
              const at = (address: string) => here.find(({ addresses }) => addresses[family] === address);
              const [from, to] = [at(source), at(destination)];
              const isRefused =
                (from !== undefined && refuses(all, everything, 'egress', from, destination, one)) ||
                (to !== undefined && refuses(all, everything, 'ingress', to, source, one));
              const asked = protocol === 'icmp' ? { protocol, source, destination } : one;
              expect(judge(asked), `${JSON.stringify(one)} of ${familyOf(source)}`).toBe(
                isRefused ? 'refuse' : 'accept',
              );
            }
          }
      }
    }),
    { numRuns: 150 },
  );
});
