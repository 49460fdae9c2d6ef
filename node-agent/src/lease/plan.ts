import type { FamilyLease, SubnetLease } from '@causeway/shared/model/lease';
import type { NetworkConfig } from '@causeway/shared/model/network';
import type { NodeRecord } from '@causeway/shared/model/node';
import { vtepMac } from '@causeway/shared/model/vtep';
import { type ByFamily, entriesOf, FAMILIES, type Family, mapFamilies } from '@causeway/shared/net/family';
import { encode } from '@causeway/shared/store/codec';
import { encodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard } from '@causeway/shared/store/store';
import type { Holding } from './holdings.ts';
import type { Candidate } from './membership.ts';
import { isKeepable, isUsable, pickSubnet } from './pick.ts';
import { addressesOf } from './refuse.ts';
import type { Registry } from './registry.ts';

export interface Wishes {
  /** What the host uses at the moment: an agent that runs keeps it if it can. */
  readonly current: ByFamily<string>;
  /** What it had before, from its own disk. */
  readonly last: ByFamily<string>;
  /** From flannel's subnet file. */
  readonly flannel: ByFamily<string>;
}

export interface AttemptInput {
  readonly node: Candidate;
  readonly instance: string;
  readonly wishes: Wishes;
  /** 0 ≤ random < 1, one for each family. */
  readonly random: Readonly<Record<Family, number>>;
}

/** What a host would write to take its place, all or nothing. */
export interface Attempt {
  readonly record: NodeRecord;
  readonly guards: readonly Guard[];
  readonly puts: readonly Put[];
  /** What was this host's and is given back. */
  readonly deletes: readonly string[];
  /** Families of the network that the host has an address in, and for which there is no free subnet. */
  readonly exhausted: readonly Family[];
  /** What others may want at the same time, in the order in which that explains a lost race most probably. */
  readonly contested: readonly (readonly string[])[];
}

export interface Put {
  readonly key: string;
  readonly value: string;
  readonly on: 'ownership' | 'liveness';
}

/**
 * A subnet in each family that the network and the host have, under one lease key, with a claim for each; the record,
 * the sign of life and the id. Each key that is written or given back is guarded by what was read of it, and so is
 * each subnet's reservation, which may come at the same time.
 */
export function planAttempt(registry: Registry, input: AttemptInput): Attempt {
  const { node, instance } = input;
  const { config, decidedBy } = registry.network;
  const families = FAMILIES.filter((family) => config[family] !== undefined && node[family] !== undefined);
  const picked = new Map(families.map((family) => [family, pickFor(family, registry, input)]));
  const subnets = mapFamilies(node, (_, family) => picked.get(family));
  const record = recordOf(node, subnets);
  const { name, id } = node;
  const held = entriesOf(subnets).map(([, subnet]) => subnet);
  const leases: Put[] =
    held.length === 0
      ? []
      : [{ key: keys.subnet(subnets), value: encodeLease(leaseOf(record, config)), on: 'ownership' }];
  const claims = held.map((subnet): Put => ({ key: keys.claim(subnet), value: id, on: 'ownership' }));
  const puts: readonly Put[] = [
    ...[...leases, ...claims],
    { key: keys.node(name), value: encode(record), on: 'ownership' },
    { key: keys.alive(name), value: signOfLife(node, instance), on: 'liveness' },
    {
      key: keys.identity(id),
      value: encode({ name, instance, addresses: addressesOf(node) }),
      on: 'liveness',
    },
  ];
  const written = new Set(puts.map(({ key }) => key));
  const deletes = givenBack(registry.holdings, held).filter((key) => !written.has(key));
  const reservations = held.map((subnet) => keys.reservation(subnet));
  return {
    ...{ record, puts, deletes },
    guards: [...decidedBy, ...written, ...deletes, ...reservations].map(registry.unchanged),
    exhausted: families.filter((family) => picked.get(family) === undefined),
    contested: [claims.map(({ key }) => key), [...leases.map(({ key }) => key), ...reservations]],
  };
}

/** What the key of a host's sign of life holds: whose it is, and of which start of its agent. */
export function signOfLife({ id }: Pick<Candidate, 'id'>, instance: string): string {
  return encode({ id, instance });
}

/** The lease of a host as peers read it: its addresses, and its ends of the tunnels if the network has some. */
export function leaseOf(record: NodeRecord, config: NetworkConfig): SubnetLease {
  const { tunnel, type } = config.backend;
  const { id, name } = record;
  const families = mapFamilies(record, ({ subnet, publicIp }, family): FamilyLease | undefined => {
    if (subnet === undefined) return undefined;
    const vtep = tunnel && { vni: tunnel.vni, mac: vtepMac(id, tunnel.vni, family) };
    return { subnet, publicIp, ...(vtep === undefined ? {} : { vtep }) };
  });
  return { ...families, backendType: type, node: { id, name } };
}

/** The subnets of a record. */
export function subnetsOf(record: NodeRecord): ByFamily<string> {
  return mapFamilies(record, ({ subnet }) => subnet);
}

/** Blocks of one family that others have. */
export function takenByOthers(holdings: readonly Holding[], family: Family): readonly Holding[] {
  return holdings.filter(({ owner, block }) => owner === 'other' && block.family === family);
}

/**
 * A running host keeps what it uses. One that starts prefers what is reserved for it, what etcd says is its own (with
 * what its disk says first, should that be several), its disk, and what a flannel daemon had on this host.
 */
function pickFor(family: Family, registry: Registry, input: AttemptInput): string | undefined {
  const network = registry.network.config[family];
  if (network === undefined) return undefined;
  const holdings = registry.holdings.filter(({ block }) => block.family === family);
  const others = takenByOthers(holdings, family);
  const taken = others.map(({ block }) => block);
  const mine = (kind: Holding['kind'], owner: Holding['owner'] = 'mine') =>
    holdings
      .filter((one) => one.kind === kind && one.owner === owner)
      .map(({ subnet }) => subnet)
      .sort();
  const [current, last, flannel] = mapWishes(input.wishes, family);
  const leased = others.filter(({ kind }) => kind !== 'reservation').map(({ block }) => block);
  if (current !== undefined && isKeepable(current, network, leased)) return current;
  const own = [...mine('lease'), ...mine('claim')];
  return (
    mine('reservation').find((subnet) => isUsable(subnet, network, taken)) ??
    [...own.filter((subnet) => subnet === last), ...own].find((subnet) =>
      isKeepable(subnet, network, taken),
    ) ??
    pickSubnet({
      ...{ network, taken, random: input.random[family] },
      wanted: [last, ...mine('lease', 'flannel'), flannel].filter((subnet) => subnet !== undefined),
    })
  );
}

function mapWishes({ current, last, flannel }: Wishes, family: Family) {
  return [current[family], last[family], flannel[family]] as const;
}

/**
 * Keys that name subnets of this host which it does not take. A flannel daemon's lease goes only with its subnet: the
 * daemon may still run.
 */
function givenBack(holdings: readonly Holding[], held: readonly string[]): readonly string[] {
  const own = holdings.filter(({ kind }) => kind !== 'reservation');
  const gone = own.filter(
    ({ owner, subnet }) => owner === 'mine' || (owner === 'flannel' && held.includes(subnet)),
  );
  // Of a key with two subnets, one can be another's.
  const others = new Set(own.filter(({ owner }) => owner === 'other').map(({ key }) => key));
  return [...new Set(gone.map(({ key }) => key))].filter((key) => !others.has(key));
}

function recordOf(node: Candidate, subnets: ByFamily<string>): NodeRecord {
  const families = mapFamilies(node, (facts, family) => {
    const subnet = subnets[family];
    return { ...facts, ...(subnet === undefined ? {} : { subnet }) };
  });
  return { ...node, ...families };
}
