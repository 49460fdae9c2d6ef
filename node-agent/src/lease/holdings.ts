import { CausewayError } from '@causeway/shared/errors';
import type { SubnetLease } from '@causeway/shared/model/lease';
import { type Block, formatBlock, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, FAMILIES } from '@causeway/shared/net/family';
import { decodeReservation } from '@causeway/shared/store/codec';
import { decodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue } from '@causeway/shared/store/store';

/** By what a host knows its own: its id, and, of leases that flannel wrote, its addresses. */
export interface Me extends ByFamily<{ readonly publicIp: string }> {
  readonly name: string;
  readonly id: string;
}

/** That a key in etcd names a subnet: it is taken by the key's mere presence, even if the value cannot be read. */
export interface Holding {
  readonly key: string;
  readonly kind: 'lease' | 'claim' | 'reservation';
  readonly block: Block;
  /** CIDR, canonical. */
  readonly subnet: string;
  /**
   * `mine`: by id, a reservation by name. `flannel`: a lease with this host's address that a flannel daemon wrote, so
   * this host may take it over. `other`: anybody else's.
   */
  readonly owner: 'mine' | 'flannel' | 'other';
  /** Of a lease with this host's id: whom it is written for. */
  readonly lease?: SubnetLease;
}

/** @param items keys of any kind; what names no subnet is passed over */
export function holdingsOf(items: Iterable<KeyValue>, me: Me): Holding[] {
  const all = [...items];
  const claims = all.flatMap((kv) =>
    kv.key.startsWith(keys.claimPrefix) ? holding(kv, 'claim', keys.claimPrefix, ownerOfClaim(kv, me)) : [],
  );
  const claimed = new Set(claims.filter((claim) => claim.owner === 'mine').map(({ subnet }) => subnet));
  const rest = all.flatMap((kv): Holding[] => {
    if (kv.key.startsWith(keys.subnetPrefix)) return leaseHoldings(kv, me, claimed);
    if (!kv.key.startsWith(keys.reservationPrefix)) return [];
    return holding(kv, 'reservation', keys.reservationPrefix, ownerOfReservation(kv, me));
  });
  return [...claims, ...rest];
}

function holding(kv: KeyValue, kind: Holding['kind'], prefix: string, owner: Holding['owner']): Holding[] {
  const named = namedBy(kv.key.slice(prefix.length));
  return named === undefined ? [] : [{ key: kv.key, kind, ...named, owner }];
}

/** One for each family that the key names. @param claimed what claims say is this host's */
function leaseHoldings(kv: KeyValue, me: Me, claimed: ReadonlySet<string>): Holding[] {
  const all = kv.key
    .slice(keys.subnetPrefix.length)
    .split('&')
    .flatMap((name) => namedBy(name) ?? [])
    // flannel's first part where there is no IPv4.
    .filter(({ block }) => block.length > 0);
  const lease = concernsMe(kv, me, all, claimed) ? decodeLease(kv) : undefined;
  return all.map((named) => {
    const unreadable = lease instanceof CausewayError;
    const owner = unreadable ? (claimed.has(named.subnet) ? 'mine' : 'other') : ownerOfLease(lease, me);
    const own = owner === 'mine' && lease !== undefined && !unreadable ? { lease } : {};
    return { key: kv.key, kind: 'lease', ...named, owner, ...own };
  });
}

/** Whether the value need be decoded: of a thousand leases, one or two can be this host's. */
function concernsMe(kv: KeyValue, me: Me, all: readonly Named[], claimed: ReadonlySet<string>): boolean {
  const marks = [me.id, ...entriesOf(me).map(([, { publicIp }]) => publicIp)];
  return marks.some((mark) => kv.value.includes(mark)) || all.some(({ subnet }) => claimed.has(subnet));
}

function ownerOfLease(lease: SubnetLease | undefined, me: Me): Holding['owner'] {
  if (lease === undefined) return 'other';
  if (lease.node !== undefined) return lease.node.id === me.id ? 'mine' : 'other';
  return hasAddressOf(lease, me) ? 'flannel' : 'other';
}

/** Whether a lease is of the same machine, going by its addresses. */
export function hasAddressOf(lease: SubnetLease, me: ByFamily<{ readonly publicIp: string }>): boolean {
  return FAMILIES.some((family) => {
    const publicIp = lease[family]?.publicIp;
    return publicIp !== undefined && publicIp === me[family]?.publicIp;
  });
}

function ownerOfClaim(kv: KeyValue, me: Me): Holding['owner'] {
  return kv.value === me.id ? 'mine' : 'other';
}

function ownerOfReservation(kv: KeyValue, me: Me): Holding['owner'] {
  const reservation = decodeReservation(kv);
  return !(reservation instanceof CausewayError) && reservation.node === me.name ? 'mine' : 'other';
}

type Named = Pick<Holding, 'block' | 'subnet'>;

/** Names that were read before: a host that waits looks at thousands of them again with each change. */
const read = new Map<string, Named | undefined>();
const MOST_READ = 20_000;

function namedBy(name: string): Named | undefined {
  if (read.has(name)) return read.get(name);
  if (read.size >= MOST_READ) read.clear();
  const named = parseName(name);
  read.set(name, named);
  return named;
}

/** `10.10.1.0-24`; canonical only, host bits zero. */
function parseName(name: string): Named | undefined {
  const at = name.lastIndexOf('-');
  const subnet = `${name.slice(0, Math.max(0, at))}/${name.slice(at + 1)}`;
  const block = parseBlock(subnet);
  return block !== undefined && formatBlock(block) === subnet ? { block, subnet } : undefined;
}
