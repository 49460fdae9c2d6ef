import { describe, expect, it } from 'vitest';
import { serviceSpec } from '../../../test/support/desired-host.ts';
import { DEFAULT_SETTINGS } from '../model/settings.ts';
import { encode } from './codec.ts';
import { encodeLease } from './codec-flannel.ts';
import { keys } from './keys.ts';
import { snapshotBuilder } from './snapshot.ts';
import type { PrefixState } from './store.ts';

function state(revision: number, values: Record<string, string>): PrefixState {
  const items = Object.entries(values).map(
    ([key, value]) => [key, { key, value, modRevision: 1, createRevision: 1, leaseId: '0' }] as const,
  );
  return { items: new Map(items), revision };
}

const CONFIG = '{"Network":"10.10.0.0/16","Backend":{"Type":"host-gw"}}';
const subnetKey = (ipv4: string) => keys.subnet({ ipv4 });
const lease = (n: number) =>
  encodeLease({ ipv4: { subnet: '', publicIp: `192.168.122.${n}` }, backendType: 'host-gw' });
const service = (name: string) => encode(serviceSpec(name));
const container = (name: string, host: string) => encode({ name, host, command: ['x'], files: {} });
const policy = (name: string, container: string) =>
  encode({ name, subjects: { containers: [container] }, ingress: { default: 'deny', rules: [] } });
const set = (name: string) => encode({ service: name, endpoints: [], unresolved: [] });

const healthy = {
  network: state(7, {
    [keys.networkConfig]: CONFIG,
    [subnetKey('10.10.1.0/24')]: lease(11),
    [subnetKey('10.10.2.0/24')]: lease(12),
  }),
  services: state(9, {
    [keys.serviceSpec('a')]: service('a'),
    [keys.serviceEndpoints('a')]: set('a'),
    [keys.serviceSpec('b')]: service('b'),
  }),
  containers: state(9, {
    [keys.container('web-1')]: container('web-1', 'host-1'),
    [keys.container('web-2')]: container('web-2', 'host-2'),
  }),
  policies: state(9, {
    [keys.policySpec('lone')]: policy('lone', 'web-1'),
    [keys.policyPeers('lone')]: encode({ name: 'lone', rules: [] }),
  }),
  settings: state(9, {}),
};

describe('snapshotBuilder', () => {
  it('gathers what one host needs', () => {
    const { snapshot, problems } = snapshotBuilder('host-1')(healthy);
    expect(problems).toEqual([]);
    expect(snapshot?.leases.map((one) => one.ipv4?.subnet)).toEqual(['10.10.1.0/24', '10.10.2.0/24']);
    expect(snapshot?.services.map((one) => one.name)).toEqual(['a', 'b']);
    expect([...(snapshot?.endpoints.keys() ?? [])]).toEqual(['a']);
    expect(snapshot?.containers.map((one) => one.name)).toEqual(['web-1']);
    expect(snapshot?.policies.map((one) => one.name)).toEqual(['lone']);
    expect([...(snapshot?.policyPeers.keys() ?? [])]).toEqual(['lone']);
    expect(snapshot).toMatchObject({
      networkRevision: 7,
      servicesRevision: 9,
      policiesRevision: 9,
      settings: DEFAULT_SETTINGS,
      config: { ipv4: { network: '10.10.0.0/16' } },
    });
  });

  it('reports a key that is not JSON, and skips it alone', () => {
    const { snapshot, problems } = snapshotBuilder('host-1')({
      ...healthy,
      network: state(7, {
        ...Object.fromEntries([...healthy.network.items].map(([key, kv]) => [key, kv.value])),
        [subnetKey('10.10.3.0/24')]: 'not json',
      }),
      services: state(9, {
        [keys.serviceSpec('a')]: service('a'),
        [keys.serviceSpec('b')]: '}',
        [keys.serviceEndpoints('c')]: '[]',
      }),
    });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain(`${subnetKey('10.10.3.0/24')}: its value "not json" is not JSON`);
    expect(snapshot?.leases).toHaveLength(2);
    expect(snapshot?.services.map((one) => one.name)).toEqual(['a']);
  });

  it('has no snapshot before a configuration was seen, and keeps the last readable one', () => {
    const build = snapshotBuilder('host-1');
    const empty = build({ ...healthy, network: state(1, {}) });
    expect(empty.snapshot).toBeUndefined();
    expect(empty.problems[0]).toContain('the network has no configuration');
    build(healthy);
    const broken = build({ ...healthy, network: state(8, { [keys.networkConfig]: 'x' }) });
    expect(broken.snapshot?.config.ipv4?.network).toBe('10.10.0.0/16');
    expect(broken.problems).toHaveLength(1);
  });

  it('keeps the objects of what did not change, and decodes again what did', () => {
    const build = snapshotBuilder('host-1');
    const first = build(healthy).snapshot;
    const ports = [{ name: '', protocol: 'udp' as const, port: 53, targetPort: 53 }];
    const changed = encode(serviceSpec('b', { ports }));
    const second = build({
      ...healthy,
      services: state(10, { [keys.serviceSpec('a')]: service('a'), [keys.serviceSpec('b')]: changed }),
    }).snapshot;
    expect(second?.services[0]).toBe(first?.services[0]);
    expect(second?.services[1]?.ports[0]?.protocol).toBe('udp');
    expect(second?.endpoints.size).toBe(0);
    // What is gone is forgotten, so that nothing piles up: back again, it is read again.
    const third = build(healthy).snapshot;
    expect(third?.endpoints.get('a')).toEqual(first?.endpoints.get('a'));
    expect(third?.endpoints.get('a')).not.toBe(first?.endpoints.get('a'));
    expect(third?.services[0]).toBe(first?.services[0]);
  });

  it('keeps the last readable value of a key that exists and cannot be read, until it is gone', () => {
    const build = snapshotBuilder('host-1');
    const first = build(healthy).snapshot;
    const garbled = (part: PrefixState, ...without: string[]) =>
      state(
        part.revision + 1,
        Object.fromEntries(
          [...part.items.keys()].filter((key) => !without.includes(key)).map((key) => [key, 'x']),
        ),
      );
    const { network, services, containers, policies, settings } = healthy;
    const all = {
      network: garbled(network),
      services: garbled(services),
      containers: garbled(containers),
      policies: garbled(policies),
      settings: garbled(settings),
    };
    for (let times = 0; times < 2; times++) {
      const broken = build(structuredClone(all));
      expect(broken.snapshot).toEqual({
        ...first,
        ...{ networkRevision: 8, servicesRevision: 10, policiesRevision: 10 },
      });
      expect(broken.problems).toHaveLength(10);
      expect(broken.unreadable).toContain(subnetKey('10.10.2.0/24'));
      expect(broken.unknownContainers).toEqual([]);
    }
    const gone = [keys.serviceSpec('a'), keys.serviceEndpoints('a')];
    const less = build({
      ...all,
      services: garbled(services, ...gone),
      network: garbled(network, subnetKey('10.10.2.0/24')),
    });
    expect(less.snapshot?.services.map((one) => one.name)).toEqual(['b']);
    expect(less.snapshot?.endpoints.size).toBe(0);
    expect(less.snapshot?.leases.map((one) => one.ipv4?.subnet)).toEqual(['10.10.1.0/24']);
    // Back again, still unreadable: what it was before it went is no longer true of it.
    expect(build(all).snapshot?.services.map((one) => one.name)).toEqual(['b']);
    expect(build(healthy)).toMatchObject({ problems: [], unreadable: [] });
  });

  it('names the containers whose keys it could never read', () => {
    const containers = state(9, { [keys.container('web-1')]: 'x', [keys.container('web-2')]: '{}' });
    const { snapshot, unknownContainers } = snapshotBuilder('host-1')({ ...healthy, containers });
    expect([snapshot?.containers, unknownContainers]).toEqual([[], ['web-1', 'web-2']]);
  });

  it('follows nothing that would renumber hosts while what they followed last cannot be read', () => {
    const settings = state(9, { [keys.acceptedNetwork]: 'x' });
    expect(snapshotBuilder('host-1')({ ...healthy, settings }).snapshot?.config).toEqual(
      snapshotBuilder('host-1')(healthy).snapshot?.config,
    );
    const leases = Object.fromEntries([...healthy.network.items].map(([key, { value }]) => [key, value]));
    const network = state(11, { ...leases, [keys.networkConfig]: '{"Network":"10.11.0.0/16"}' });
    const { snapshot, problems } = snapshotBuilder('host-1')({ ...healthy, settings, network });
    expect(snapshot).toBeUndefined();
    expect(problems.at(-1)).toMatch(
      /would renumber 2 hosts .* cannot be read from etcd key .*\/settings\/network;/,
    );
  });

  it('follows what hosts last followed, until a change that would renumber them is confirmed', () => {
    const build = snapshotBuilder('host-1');
    const first = build(healthy).snapshot?.config;
    const settings = state(9, { [keys.acceptedNetwork]: CONFIG });
    const other = '{"Network":"10.11.0.0/16"';
    const leases = Object.fromEntries([...healthy.network.items].map(([key, { value }]) => [key, value]));
    const changed = (config: string) => state(11, { ...leases, [keys.networkConfig]: config });
    const stays = changed(`${other}}`);
    const waiting = build({ ...healthy, settings, network: stays });
    expect(waiting.snapshot?.config).toEqual(first);
    expect(waiting.problems).toEqual([waiting.refused?.reason]);
    expect(waiting.refused).toMatchObject({ hosts: ['10.10.1.0/24', '10.10.2.0/24'] });
    // A service's change does not ask again.
    const services = { ...healthy.services, revision: 12 };
    expect(build({ ...healthy, settings, services, network: stays }).refused).toBe(waiting.refused);
    const confirmed = `${other},"CausewayRenumber":"${waiting.refused?.fingerprint}"}`;
    const followed = build({ ...healthy, settings, network: changed(confirmed) });
    expect(followed).toMatchObject({
      problems: [],
      snapshot: { config: { ipv4: { network: '10.11.0.0/16' } } },
    });
    expect(followed).not.toHaveProperty('refused');
    // Without a note of what was followed, the configuration holds.
    const free = build({ ...healthy, network: changed(`${other}}`) });
    expect(free.snapshot?.config.ipv4?.network).toBe('10.11.0.0/16');
  });

  it('has what hosts last followed where the configuration never could be read', () => {
    const settings = state(9, { [keys.acceptedNetwork]: CONFIG });
    for (const network of [state(7, {}), state(7, { [keys.networkConfig]: 'x' })]) {
      const { snapshot, problems } = snapshotBuilder('host-1')({ ...healthy, settings, network });
      expect([snapshot?.config.ipv4?.network, problems.length]).toEqual(['10.10.0.0/16', 1]);
    }
  });

  it("names the configuration's key as etcd has it", () => {
    const network = { ...state(7, {}), storedPrefix: '/other/net/' };
    const { problems } = snapshotBuilder('host-1')({ ...healthy, network });
    expect(problems).toEqual(['the network has no configuration: etcd key /other/net/config is absent']);
  });

  it('reads each of a thousand leases once, whatever changes beside it', () => {
    const leases = Array.from({ length: 1_000 }, (_, i) => {
      const ipv4 = `10.${10 + Math.floor(i / 250)}.${i % 250}.0/24`;
      return [subnetKey(ipv4), lease(i % 250)] as const;
    });
    const build = snapshotBuilder('host-1');
    const network = state(7, { [keys.networkConfig]: CONFIG, ...Object.fromEntries(leases) });
    const first = build({ ...healthy, network }).snapshot?.leases ?? [];
    const [key = ''] = leases[500] ?? [];
    const items = new Map(network.items);
    items.set(key, { key, value: lease(77), modRevision: 8, createRevision: 1, leaseId: '0' });
    const second =
      build({ ...healthy, network: { items, revision: 8, changed: [key] } }).snapshot?.leases ?? [];
    expect(second.filter((one, i) => one !== first[i])).toEqual([
      { ...first[500], ipv4: { ...first[500]?.ipv4, publicIp: '192.168.122.77' } },
    ]);
  });

  it('keeps what a policy said while its key cannot be read, and knows of those of which only the name is known', () => {
    const build = snapshotBuilder('host-1');
    const first = build(healthy);
    const broken = {
      [keys.policySpec('lone')]: '{',
      [keys.policyPeers('lone')]: '{',
      [keys.policySpec('new')]: '{',
    };
    const { snapshot, unknownPolicies, unreadable } = build({ ...healthy, policies: state(10, broken) });
    expect(snapshot?.policies).toEqual(first.snapshot?.policies);
    expect(snapshot?.policyPeers.get('lone')).toEqual({ name: 'lone', rules: [] });
    expect(unknownPolicies).toEqual(['new']);
    expect([...unreadable].sort()).toEqual(Object.keys(broken).sort());
    expect(build({ ...healthy, policies: state(11, {}) }).snapshot?.policies).toEqual([]);
  });

  it('gives the same lists while nothing of theirs changes, whatever else does', () => {
    const build = snapshotBuilder('host-1');
    const first = build(healthy).snapshot;
    const containers = state(10, {
      [keys.container('web-1')]: container('web-1', 'host-1'),
      [keys.container('web-3')]: container('web-3', 'host-3'),
    });
    const second = build({ ...healthy, containers, services: state(10, {}) }).snapshot;
    expect(second?.containers).toBe(first?.containers);
    expect(second?.policies).toBe(first?.policies);
    expect(second?.policyPeers).toBe(first?.policyPeers);
  });

  it('ignores keys that it does not know', () => {
    const { problems } = snapshotBuilder('h')({
      ...healthy,
      services: state(9, { [`${keys.servicePrefix}a/later`]: 'x' }),
      settings: state(9, { [`${keys.settings}-other`]: 'x' }),
    });
    expect(problems).toEqual([]);
  });
});
