import type { Candidate } from '@causeway/node-agent/lease/membership';
import { planAttempt } from '@causeway/node-agent/lease/plan';
import { refuse } from '@causeway/node-agent/lease/refuse';
import { registryOf } from '@causeway/node-agent/lease/registry';
import { CausewayError } from '@causeway/shared/errors';
import { fingerprintOf } from '@causeway/shared/model/effective-config';
import { completeNetworkConfig, type NetworkInput } from '@causeway/shared/model/network.schema';
import { type Block, blocksOverlap, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, byFamily, FAMILIES } from '@causeway/shared/net/family';
import {
  decodeLease,
  encodeNetworkConfig,
  subnetOfKey,
  subnetsOfKey,
} from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue } from '@causeway/shared/store/store';
import fc from 'fast-check';
import { expect, it } from 'vitest';

/** Networks with few subnets, of several lengths over the same addresses, so that hosts meet all the time. */
const NETWORKS: readonly NetworkInput[] = [
  { ipv4: { network: '10.10.0.0/26', subnetLen: 29 } },
  { ipv4: { network: '10.10.0.0/26', subnetLen: 28 } },
  { ipv4: { network: '10.10.0.0/25', subnetLen: 29 }, ipv6: { network: 'fd00:10::/61' } },
  { ipv6: { network: 'fd00:10::/60', subnetLen: 63 } },
];
const HOSTS = 8;
const SUBNETS = ['10.10.0.8/29', '10.10.0.16/29', '10.10.0.16/28', 'fd00:10:0:1::/64', 'fd00:10:0:2::/63'];

type Items = ReadonlyMap<string, KeyValue>;
type Change =
  | { readonly put: string; readonly value: string; readonly lease?: string }
  | { readonly delete: string };

/** An etcd as one value: what is in it, and at which revision. */
class Etcd {
  items: Items = new Map();
  revision = 1;
  /** What it held before each change, the latest last. */
  readonly history: Items[] = [];

  commit(guards: readonly Guard[], changes: readonly Change[]): boolean {
    if (!guards.every((guard) => this.#holds(guard))) return false;
    if (this.items.size > 0) this.history.push(this.items);
    this.revision += 1;
    const next = new Map(this.items);
    for (const change of changes) {
      if ('delete' in change) next.delete(change.delete);
      else {
        const { put: key, value, lease: leaseId = '0' } = change;
        next.set(key, { key, value, leaseId, modRevision: this.revision, createRevision: this.revision });
      }
    }
    this.items = next;
    return true;
  }

  /** As it was some changes ago: what a slow host still goes by. */
  before(changes: number): Items {
    return (changes === 0 ? undefined : this.history.at(-changes)) ?? this.items;
  }

  #holds(guard: Guard): boolean {
    const found = this.items.get(guard.key);
    if ('absent' in guard) return found === undefined;
    return 'modRevision' in guard && found?.modRevision === guard.modRevision;
  }
}

const hostNumber = fc.nat({ max: HOSTS - 1 });
const actions = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      host: hostNumber,
      late: fc.nat({ max: 3 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), host: hostNumber }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), host: hostNumber }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('configure' as const),
      network: fc.nat({ max: NETWORKS.length - 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      host: hostNumber,
      subnet: fc.constantFrom(...SUBNETS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('release' as const), subnet: fc.constantFrom(...SUBNETS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete lease' as const), nth: fc.nat({ max: HOSTS }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('spoil' as const), nth: fc.nat({ max: 20 }) }) },
);
type Action = typeof actions extends fc.Arbitrary<infer T> ? T : never;

function candidate(n: number): Candidate {
  return {
    ...{ name: `host-${n}`, id: `id-${n}`, addresses: [], dataplane: 'nftables', version: '0' },
    ipv4: { publicIp: `192.168.122.${n + 11}`, network: '192.168.122.0/24' },
    ipv6: { publicIp: `fd22::${n + 11}`, network: 'fd22::/64' },
  };
}

/** Hosts, what each has on its disk, and how often each was started. */
class World {
  readonly etcd = new Etcd();
  readonly disks = new Map<number, ByFamily<string>>();
  starts = 0;

  constructor() {
    this.run({ do: 'configure', network: 0 });
  }

  run(action: Action): void {
    const { etcd } = this;
    if (action.do === 'join') this.#join(action.host, action.late, action.random);
    else if (action.do === 'expire') this.#drop((kv) => kv.leaseId === `lease-${action.host}`);
    else if (action.do === 'forget') this.disks.delete(action.host);
    else if (action.do === 'configure') this.#configure(NETWORKS[action.network] ?? {});
    else if (action.do === 'reserve') this.#reserve(action.subnet, action.host);
    else if (action.do === 'release') etcd.commit([], [{ delete: keys.reservation(action.subnet) }]);
    else if (action.do === 'delete lease') {
      const leases = [...etcd.items.keys()].filter((key) => key.startsWith(keys.subnetPrefix));
      this.#drop(({ key }) => key === leases[action.nth % Math.max(1, leases.length)]);
    } else this.#spoil(action.nth);
  }

  #configure(input: NetworkInput): void {
    const config = completeNetworkConfig(input);
    const value = encodeNetworkConfig({ ...config, renumber: fingerprintOf(config) });
    this.etcd.commit([], [{ put: keys.networkConfig, value }]);
  }

  /** As the controller does it. */
  #reserve(subnet: string, host: number): void {
    const [lease, claim, key] = [keys.subnet({ ipv4: subnet }), keys.claim(subnet), keys.reservation(subnet)];
    const absent = [lease, claim, key].map((one): Guard => ({ key: one, absent: true }));
    this.etcd.commit(absent, [{ put: key, value: JSON.stringify({ subnet, node: `host-${host}` }) }]);
  }

  #spoil(nth: number): void {
    const kv = [...this.etcd.items.values()].filter(({ leaseId }) => leaseId !== '0')[nth];
    if (kv === undefined || kv.key.startsWith(keys.claimPrefix)) return;
    this.etcd.commit([], [{ put: kv.key, value: 'x', lease: kv.leaseId }]);
  }

  #join(host: number, late: number, random: number): void {
    const node = candidate(host);
    const registry = registryOf(this.etcd.before(late), node);
    const instance = `start-${this.starts++}`;
    try {
      refuse(node, instance, registry);
    } catch (error) {
      if (error instanceof CausewayError) return;
      throw error;
    }
    const wishes = { current: {}, last: this.disks.get(host) ?? {}, flannel: {} };
    const attempt = planAttempt(registry, { node, instance, wishes, random: { ipv4: random, ipv6: random } });
    const ok = this.etcd.commit(attempt.guards, [
      ...attempt.deletes.map((key) => ({ delete: key })),
      ...attempt.puts.map(({ key, value }) => ({ put: key, value, lease: `lease-${host}` })),
    ]);
    const { record } = attempt;
    if (ok)
      this.disks.set(
        host,
        byFamily((family) => record[family]?.subnet),
      );
  }

  #drop(isGone: (kv: KeyValue) => boolean): void {
    const gone = [...this.etcd.items.values()].filter(isGone).map(({ key }) => ({ delete: key }));
    this.etcd.commit([], gone);
  }
}

/** Every subnet that a lease or a claim gives to a host. */
function holdersOf(items: Items): { readonly block: Block; readonly owner: string }[] {
  return [...items.values()].flatMap((kv) => {
    if (kv.key.startsWith(keys.claimPrefix)) {
      const block = parseBlock(subnetOfKey(kv.key) ?? '');
      return block === undefined ? [] : [{ block, owner: kv.value }];
    }
    if (!kv.key.startsWith(keys.subnetPrefix)) return [];
    const lease = decodeLease(kv);
    const owner = lease instanceof CausewayError ? undefined : lease.node?.id;
    return FAMILIES.flatMap((family) => {
      const block = parseBlock(subnetsOfKey(kv.key)?.[family] ?? '');
      return block === undefined || owner === undefined ? [] : [{ block, owner }];
    });
  });
}

/** Pairs of different hosts that hold the same addresses. */
function sharedIn(items: Items): unknown[] {
  const holders = holdersOf(items);
  return holders.flatMap((one, i) =>
    holders
      .slice(0, i)
      .filter((other) => one.owner !== other.owner && blocksOverlap(one.block, other.block))
      .map((other) => [one, other]),
  );
}

it('no order of joining, leaving, expiring, changing the network, reserving and spoiling gives two hosts one address', () => {
  let joined = 0;
  fc.assert(
    fc.property(fc.array(actions, { minLength: 10, maxLength: 80 }), (sequence) => {
      const world = new World();
      for (const action of sequence) {
        world.run(action);
        if (sharedIn(world.etcd.items).length > 0) expect(sharedIn(world.etcd.items)).toEqual([]);
      }
      joined += holdersOf(world.etcd.items).length;
    }),
    { numRuns: 400 },
  );
  // The worlds were not empty.
  expect(joined).toBeGreaterThan(400);
});

it('a host that joins again at once, with nothing changed, writes the same subnets', () => {
  fc.assert(
    fc.property(fc.array(actions, { minLength: 10, maxLength: 60 }), hostNumber, (sequence, host) => {
      const world = new World();
      for (const action of sequence) world.run(action);
      const again = () => {
        world.run({ do: 'join', host, late: 0, random: 0.7 });
        return world.disks.get(host);
      };
      const first = again();
      expect(again()).toEqual(first);
    }),
    { numRuns: 200 },
  );
});
