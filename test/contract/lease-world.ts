import { joinCluster } from '@causeway/node-agent/lease/join';
import type {
  Candidate,
  JoinInput,
  Membership,
  MembershipEvent,
} from '@causeway/node-agent/lease/membership';
import { completeNetworkConfig, type NetworkInput } from '@causeway/shared/model/network.schema';
import { parseIp } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, type Family } from '@causeway/shared/net/family';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, vi } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { fakeStore } from '../support/fake-store.ts';
import { openStore, patient } from '../support/store.ts';

/** One etcd, real or not, with what hosts do to it. */
export interface LeaseWorld {
  readonly store: Store;
  /** Only the real one. */
  readonly etcd: TestEtcd;
  configure(input: NetworkInput): Promise<void>;
  join(input: JoinInput, through?: Store): Promise<Membership>;
  /** The same, with everything that it tells. */
  observe(input: JoinInput): Promise<Observed>;
  put(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
  /** What is below a prefix, without it. */
  names(prefix: string): Promise<string[]>;
}

export interface Observed {
  readonly member: Membership;
  readonly events: MembershipEvent[];
  happens(kind: MembershipEvent['kind']): Promise<void>;
}

export const V4: NetworkInput = { ipv4: { network: '10.10.0.0/16' } };
/** Three subnets. */
export const SMALL: NetworkInput = { ipv4: { network: '10.10.0.0/28' } };
export const DUAL: NetworkInput = { ...V4, ipv6: { network: 'fd00:10::/48' } };
export const V6: NetworkInput = { ipv6: { network: 'fd00:10::/48' } };

/** The same cases on the store of the unit tests and on a real etcd. */
export function onBothStores(cases: (world: LeaseWorld) => void): void {
  describe('on the fake store', () => cases(fakeWorld()));
  describe('on etcd', () => cases(etcdWorld()));
}

export function onEtcd(cases: (world: LeaseWorld) => void): void {
  describe('on etcd', () => cases(etcdWorld()));
}

function fakeWorld(): LeaseWorld {
  let store: Store = fakeStore();
  beforeEach(async () => {
    store = fakeStore();
    await configure(store, V4);
  });
  return worldOf(
    () => store,
    () => {
      throw new Error('the fake store is no etcd');
    },
  );
}

function etcdWorld(): LeaseWorld {
  let etcd: TestEtcd | undefined;
  let store: Store | undefined;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd?.stop());
  const real = () => {
    if (etcd === undefined) throw new Error('etcd was not started');
    return etcd;
  };
  const open = () => {
    if (store === undefined) throw new Error('no store is open');
    return store;
  };
  beforeEach(async () => {
    // 50 hosts at once on a busy machine are no etcd that is gone.
    store = openStore(real().endpoint, { callTimeoutMs: 15_000 });
    await wipe(store);
    await configure(store, V4);
  });
  return worldOf(open, real);
}

/** Everything below both prefixes. */
export async function wipe(store: Store): Promise<void> {
  for (const prefix of ['/coreos.com/', '/causeway/'])
    for (const { key } of (await store.list(prefix)).items) await store.transaction([], [{ delete: key }]);
}

export async function configure(store: Store, input: NetworkInput): Promise<void> {
  const value = encodeNetworkConfig(completeNetworkConfig(input));
  await store.transaction([], [{ put: keys.networkConfig, value }]);
}

function worldOf(store: () => Store, etcd: () => TestEtcd): LeaseWorld {
  const join = async (input: JoinInput, through = store()) => {
    const membership = await joinCluster(through, input);
    onTestFinished(() => membership.stop());
    return membership;
  };
  return {
    get store() {
      return store();
    },
    get etcd() {
      return etcd();
    },
    configure: (input) => configure(store(), input),
    join,
    observe: async (input) => {
      const member = await join(input);
      const events: MembershipEvent[] = [];
      member.onEvent((event) => events.push(event));
      const happens = (kind: MembershipEvent['kind']) =>
        vi.waitFor(() => expect(events.map((event) => event.kind)).toContain(kind), patient);
      return { member, events, happens };
    },
    put: async (key, value) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      await store().transaction([], [{ put: key, value: text }]);
    },
    remove: async (key) => {
      await store().transaction([], [{ delete: key }]);
    },
    names: async (prefix) => (await store().list(prefix)).items.map((kv) => kv.key.slice(prefix.length)),
  };
}

/** host-N at 192.168.122.(10 + N) and fd22::(10 + N). */
export function host(
  n: number,
  more: Partial<Omit<JoinInput, 'node'>> & { readonly node?: Partial<Candidate> } = {},
  families: readonly Family[] = ['ipv4'],
): JoinInput {
  const facts = {
    ipv4: { publicIp: `192.168.${122 + Math.floor(n / 200)}.${10 + (n % 200)}`, network: '192.168.122.0/24' },
    ipv6: { publicIp: `fd22::${(10 + n).toString(16)}`, network: 'fd22::/64' },
  };
  const { node, ...rest } = more;
  return {
    instance: `instance-${n}`,
    ...rest,
    node: {
      ...{ name: `host-${n}`, id: `id-${n}`, dataplane: 'nftables', version: '0.1.0' },
      addresses: families.map((family) => facts[family].publicIp),
      ...Object.fromEntries(families.map((family) => [family, facts[family]])),
      ...node,
    },
  };
}

export const both: readonly Family[] = ['ipv4', 'ipv6'];

/** `count` hosts that join at the same time. */
export function hosts(count: number, families: readonly Family[] = ['ipv4']): JoinInput[] {
  return Array.from({ length: count }, (_, n) => host(n, {}, families));
}

export function subnetsOf(members: readonly Membership[], family: Family): string[] {
  return members.flatMap(({ subnets }) => subnets[family] ?? []);
}

/** No subnet twice, in either family, by the records and by the keys. */
export function expectDistinct(members: readonly Membership[], subnets: ByFamily<number>): void {
  for (const [family, count] of entriesOf(subnets)) {
    const all = subnetsOf(members, family);
    expect(all.every((subnet) => parseIp(subnet.split('/')[0] ?? '')?.family === family)).toBe(true);
    expect([all.length, new Set(all).size]).toEqual([count, count]);
  }
}
