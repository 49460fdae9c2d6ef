import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../../test/support/desired-host.ts';
import type { ContainerSpec } from '../model/container.ts';
import type { LocalContainers } from '../model/local-containers.ts';
import type { NetworkPolicy, PolicyPeerSet, PolicyRule, PolicySide } from '../model/network-policy.ts';
import { policiesOf } from './policies.ts';

function container(name: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name, host: 'host-1', command: ['x'], files: {}, ...more };
}

const WEB = container('web', { labels: { app: 'web', tier: 'front' } });
const DB = container('db', { labels: { app: 'db' } });
const LOCAL: LocalContainers = {
  specs: [DB, WEB],
  addresses: [
    { name: 'db', addresses: { ipv4: '10.10.1.2', ipv6: 'fd00:10:0:1::2' } },
    { name: 'web', addresses: { ipv4: '10.10.1.3', ipv6: 'fd00:10:0:1::3' } },
  ],
};
const DENY: PolicySide = { default: 'deny', rules: [] };

function policy(name: string, more: Partial<NetworkPolicy> = {}): NetworkPolicy {
  return { name, subjects: {}, ingress: DENY, ...more };
}
/** One whose rules are about connections to all containers. */
function ruled(...rules: readonly PolicyRule[]): NetworkPolicy {
  return policy('p', { ingress: { rules } });
}

function judged(policies: readonly NetworkPolicy[], peers: readonly PolicyPeerSet[] = [], local = LOCAL) {
  return policiesOf(
    snapshotOf({ policies, policyPeers: new Map(peers.map((set) => [set.name, set])) }),
    local,
  );
}
const ipv4 = (...of: Parameters<typeof judged>) => judged(...of).byFamily.ipv4;

describe('whom a policy means', () => {
  const meant = (subjects: NetworkPolicy['subjects']) =>
    ipv4([policy('p', { subjects })]).flatMap((intent) => intent.subjects);

  it.each([
    [{}, ['10.10.1.2', '10.10.1.3']],
    [{ containers: ['web'] }, ['10.10.1.3']],
    [{ labels: { app: 'db' } }, ['10.10.1.2']],
    [{ labels: { app: 'web', tier: 'back' } }, []],
    [{ containers: ['db'], labels: { app: 'web', tier: 'front' } }, ['10.10.1.2', '10.10.1.3']],
    [{ containers: [] }, []],
  ] as const)('%j: %j', (subjects, addresses) => {
    expect(meant(subjects)).toEqual(addresses);
  });

  it('holds for every address that a container has, also for those that it gives up', () => {
    const [own = { name: '', addresses: {} }] = LOCAL.addresses;
    const addresses = [{ ...own, leaving: ['10.10.9.9', 'fd00:10:0:9::9'] }];
    const { byFamily } = judged([policy('p')], [], { ...LOCAL, addresses });
    expect(byFamily.ipv4[0]?.subjects).toEqual(['10.10.1.2', '10.10.9.9']);
    expect(byFamily.ipv6[0]?.subjects).toEqual(['fd00:10:0:1::2', 'fd00:10:0:9::9']);
  });

  it('may be one that runs and of which nobody can read what it is: labels that nobody knows open nothing', () => {
    const unknown = { specs: [WEB], addresses: LOCAL.addresses };
    const subjectsOf = (subjects: NetworkPolicy['subjects']) =>
      ipv4([policy('p', { subjects })], [], unknown).flatMap((intent) => intent.subjects);
    expect(subjectsOf({ containers: ['db'] })).toEqual(['10.10.1.2']);
    expect(subjectsOf({ labels: { app: 'db' } })).toEqual(['10.10.1.2']);
    expect(subjectsOf({})).toEqual(['10.10.1.2', '10.10.1.3']);
    expect(subjectsOf({ containers: ['web'] })).toEqual(['10.10.1.3']);
    // With the host's network it would have the host's address, and with a neighbour's the neighbour's.
    const addresses = [
      ...LOCAL.addresses.slice(1),
      { name: 'db', addresses: { ipv4: '192.168.122.11' } },
      { name: 'side', addresses: { ipv4: '10.10.1.3' } },
    ];
    expect(
      ipv4([policy('p', { subjects: { labels: { app: 'db' } } })], [], { specs: [WEB], addresses }),
    ).toEqual([]);
  });

  it('says of a container that it names and cannot rule why', () => {
    const specs = [container('web', { network: { kind: 'host' } })];
    const { problems, byFamily } = judged([policy('p', { subjects: { containers: ['web'] } })], [], {
      ...{ specs, addresses: [] },
    });
    expect(problems).toEqual([
      'policy p does not hold for container web: with the network mode host it has no address of its own on the bridge',
    ]);
    expect(byFamily.ipv4).toEqual([]);
  });
});

describe('what policies say together', () => {
  it('puts containers together for which the same hold, and parts those for which others do', () => {
    const all = policy('all');
    const web = policy('web', {
      subjects: { labels: { app: 'web' } },
      egress: { default: 'deny', rules: [] },
    });
    const intents = ipv4([all, web]);
    expect(intents.map(({ subjects }) => subjects)).toEqual(
      expect.arrayContaining([['10.10.1.2'], ['10.10.1.3']]),
    );
    const both = intents.find(({ subjects }) => subjects[0] === '10.10.1.3');
    expect(both).toMatchObject({ ingress: { default: 'deny' }, egress: { default: 'deny' } });
    expect(intents.find(({ subjects }) => subjects[0] === '10.10.1.2')?.egress).toBeUndefined();
  });

  it('is closed as soon as one is', () => {
    const open = policy('open', {
      ingress: { rules: [{ action: 'allow', peers: { cidrs: ['10.0.0.0/8'] } }] },
    });
    expect(ipv4([open, policy('closed')])[0]?.ingress).toEqual({
      ...{ default: 'deny', deny: [], limited: [] },
      allow: [{ cidr: '10.0.0.0/8' }],
    });
  });

  it('is nothing where nobody is refused and nothing limited', () => {
    expect(ipv4([ruled({ action: 'allow', peers: { cidrs: ['10.0.0.0/8'] } })])).toEqual([]);
  });

  it('sorts rules, leaves out doubles, and takes each in its family', () => {
    const cidrs = ['10.9.0.7/16', 'fd00::/8', '10.8.0.0/16', '10.9.0.0/16'];
    const ports = [
      { protocol: 'udp', port: 53 } as const,
      { protocol: 'tcp', port: 80, endPort: 90 } as const,
    ];
    const { byFamily } = judged([ruled({ action: 'deny', peers: { cidrs }, ports })]);
    const tcp = { protocol: 'tcp', firstPort: 80, lastPort: 90 };
    const udp = { protocol: 'udp', firstPort: 53, lastPort: 53 };
    expect(byFamily.ipv4[0]?.ingress?.deny).toEqual(
      ['10.8.0.0/16', '10.9.0.0/16'].flatMap((cidr) => [
        { cidr, ...tcp },
        { cidr, ...udp },
      ]),
    );
    expect(byFamily.ipv6[0]?.ingress?.deny).toEqual([
      { cidr: 'fd00::/8', ...tcp },
      { cidr: 'fd00::/8', ...udp },
    ]);
  });

  it('means everybody by a rule without peers', () => {
    const { byFamily } = judged([ruled({ action: 'deny', ports: [{ protocol: 'sctp' }] })]);
    expect(byFamily.ipv4[0]?.ingress?.deny).toEqual([{ cidr: '0.0.0.0/0', protocol: 'sctp' }]);
    expect(byFamily.ipv6[0]?.ingress?.deny).toEqual([{ cidr: '::/0', protocol: 'sctp' }]);
  });

  it('gives each limit a bucket of its own, and lets what is allowed without one go before', () => {
    const limit = { connections: 25, per: 'minute', burst: 100 } as const;
    const limited = ruled(
      { action: 'allow', limit },
      { action: 'allow', ports: [{ protocol: 'tcp', port: 80 }], limit: { ...limit, burst: 5 } },
      { action: 'allow', peers: { cidrs: ['10.0.0.0/8'] } },
    );
    expect(ipv4([limited])[0]?.ingress).toEqual({
      default: 'allow',
      deny: [],
      allow: [{ cidr: '10.0.0.0/8' }],
      limited: [
        { matches: [{ cidr: '0.0.0.0/0' }], ...limit },
        {
          matches: [{ cidr: '0.0.0.0/0', protocol: 'tcp', firstPort: 80, lastPort: 80 }],
          ...limit,
          burst: 5,
        },
      ],
    });
  });

  it('asks the limit of the highest rate first, and of equal ones that of the largest burst', () => {
    const limits = [
      { connections: 1_000, per: 'hour', burst: 1 },
      { connections: 60, per: 'minute', burst: 5 },
      { connections: 1, per: 'second', burst: 9 },
      { connections: 2, per: 'second', burst: 1 },
    ] as const;
    const cidrs = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16', '10.4.0.0/16'];
    const rules = limits.map(
      (limit, i): PolicyRule => ({ action: 'allow', limit, peers: { cidrs: [cidrs[i] ?? ''] } }),
    );
    const { limited = [] } = ipv4([ruled(...rules)])[0]?.ingress ?? {};
    expect(limited.map(({ matches }) => matches[0]?.cidr)).toEqual([...cidrs].reverse());
  });
});

describe('peers by name', () => {
  const named = { containers: ['web'] };
  const peers = (addresses: readonly string[]): PolicyPeerSet => ({
    name: 'p',
    rules: [{ side: 'ingress', rule: 0, addresses }],
  });

  it('are the addresses that the controller found', () => {
    const sides = judged([ruled({ action: 'deny', peers: named })], [peers(['10.10.2.2', 'fd00:10:0:2::2'])]);
    expect(sides.byFamily.ipv4[0]?.ingress?.deny).toEqual([{ cidr: '10.10.2.2/32' }]);
    expect(sides.byFamily.ipv6[0]?.ingress?.deny).toEqual([{ cidr: 'fd00:10:0:2::2/128' }]);
  });

  it('open nothing while nobody knows them', () => {
    const denied = ruled({ action: 'deny', peers: named, ports: [{ protocol: 'tcp', port: 80 }] });
    expect(ipv4([denied])[0]?.ingress?.deny).toEqual([
      { cidr: '0.0.0.0/0', protocol: 'tcp', firstPort: 80, lastPort: 80 },
    ]);
    const rules = [{ action: 'allow', peers: { ...named, cidrs: ['10.0.0.0/8'] } } as const];
    expect(ipv4([policy('p', { ingress: { default: 'deny', rules } })])[0]?.ingress?.allow).toEqual([
      { cidr: '10.0.0.0/8' },
    ]);
  });
});

describe('from one snapshot to the next', () => {
  const denied = (addresses: readonly string[]): PolicyPeerSet => ({
    name: 'b',
    rules: [{ side: 'ingress', rule: 0, addresses }],
  });
  const policies = [
    policy('a', { subjects: { containers: ['web'] } }),
    policy('b', {
      subjects: { containers: ['db'] },
      ingress: { rules: [{ action: 'deny', peers: { labels: { app: 'x' } } }] },
    }),
  ];
  const first = snapshotOf({ policies, policyPeers: new Map([['b', denied(['10.10.2.2'])]]) });

  it('leaves everything the same that did not change', () => {
    const before = policiesOf(first, LOCAL);
    expect(policiesOf({ ...first, services: [] }, LOCAL).byFamily.ipv4).toBe(before.byFamily.ipv4);
    const moved = { ...LOCAL, addresses: LOCAL.addresses.map((one) => ({ ...one })) };
    expect(policiesOf(first, moved).byFamily.ipv4).toBe(before.byFamily.ipv4);
  });

  it('keeps ids, and all of the others, when peers change', () => {
    const before = policiesOf(first, LOCAL).byFamily.ipv4;
    const policyPeers = new Map([['b', denied(['10.10.2.2', '10.10.2.3'])]]);
    const after = policiesOf({ ...first, policyPeers }, LOCAL).byFamily.ipv4;
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.filter((one, i) => one === before[i]).map(({ subjects }) => subjects)).toEqual([
      ['10.10.1.3'],
    ]);
  });
});
