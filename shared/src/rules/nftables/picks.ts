import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Policy } from '../../model/service.ts';
import type { Family } from '../../net/family.ts';
import { bucketCount, bucketsOf } from '../buckets.ts';
import { countsOf, type KeysOf } from '../counts.ts';
import { AFFINITY_BUCKETS, rendezvous } from '../rendezvous.ts';
import { safe } from '../safe.ts';
import type { Chain, Element, MapDeclaration, Rule } from './part.ts';
import { markOf, WORDS } from './words.ts';

/** One of the ways into services, each with names of its own for the same shape. */
export interface Front {
  /** Of the names of its picks: `node-` makes `node-pick2`. */
  readonly prefix: string;
  /** Its verdict map: what a packet of these services does next. */
  readonly map: string;
  /** What that map is keyed with. */
  readonly key: (family: Family) => string;
  /** Absent: such connections are none of this front's. */
  readonly policy: (service: ServiceIntent) => Policy | undefined;
  /** The service's key there. */
  readonly keyOf: (service: ServiceIntent, family: Family) => string;
  /** Whether who is no container gets this host's address. */
  readonly masquerades: boolean;
}

/**
 * A fixed seed, so that one client has the same hash on every host. As `jhash` reads whole words, hosts of different
 * byte order disagree.
 */
const SEED = '0x43575931';

/**
 * The maps of the picks that occur. They are keyed by frontend and bucket; the chain of the same name fills in the
 * bucket, at random or by the client's address. Each length has a map of its own because nft 1.0.6 takes no new rule
 * that looks into a map with `typeof` that is in the kernel already ("conflicting protocols specified"); made together,
 * it does.
 */
export function pickMaps(front: Front, { services, family }: FirewallIntent): readonly MapDeclaration[] {
  return kindsOf(front, services).map((kind) => {
    // Also where `jhash` looks it up: nft 1.0.6 crashes when it lists a map that was declared with `jhash`.
    const key = `${front.key(family)} . numgen random mod ${lengthOf(kind)}`;
    return {
      name: nameOf(front, kind),
      kind: 'map',
      spec: `typeof ${key} : ${WORDS[family].ip} daddr . th dport`,
    };
  });
}

export function pickChains(front: Front, intent: FirewallIntent): readonly Chain[] {
  const { ip } = WORDS[intent.family];
  const masquerade: Rule = {
    text: `${ip} saddr != ${safe.cidr(intent.network, intent.family)} ${markOf(intent)}`,
    why: 'no container asks: masquerade, so that the reply returns through this host',
  };
  return kindsOf(front, intent.services).map((kind) => ({
    name: nameOf(front, kind),
    rules: [...(front.masquerades ? [masquerade] : []), translation(front, kind, intent.family)],
  }));
}

/** The service's verdict, and its buckets; none for a service that refuses, or that is none of this front's. */
export function pickElements(front: Front, service: ServiceIntent, family: Family): readonly Element[] {
  const targets = targetsOf(front, service);
  if (targets === undefined || (targets.length === 0 && service.endpoints.length === 0)) return [];
  const key = front.keyOf(service, family);
  // Another host may serve them, so they are not told that nobody does.
  if (targets.length === 0) return [{ map: front.map, key, value: 'drop' }];
  const map = nameOf(front, kindOf(service, targets));
  const found: Element[] = [{ map: front.map, key, value: `goto ${map}` }];
  const buckets = service.affinity ? rendezvous(targets) : bucketsOf(targets);
  for (const target of buckets)
    found.push({ map, key: `${key} . ${found.length - 1}`, value: endpointText(target, family) });
  return found;
}

/** Where the service's connections through this front go; undefined: they are none of the front's. */
function targetsOf(front: Front, service: ServiceIntent): readonly EndpointIntent[] | undefined {
  const policy = front.policy(service);
  if (policy === undefined) return undefined;
  return policy === 'local' ? service.localEndpoints : service.endpoints;
}

/** How one of several is picked: by the client's address, or at random among so many buckets. */
type Kind = 'affine' | number;

function kindOf({ affinity }: ServiceIntent, targets: readonly EndpointIntent[]): Kind {
  return affinity ? 'affine' : bucketCount(targets);
}

/** Those that occur, the shortest first. */
function kindsOf(front: Front, services: readonly ServiceIntent[]): readonly Kind[] {
  const kinds = [...countsOf(services, kindKeysOf(front)).keys()].map(
    (key): Kind => (key === 'affine' ? key : Number(key)),
  );
  return kinds.sort((a, b) => lengthOf(a) - lengthOf(b) || Number(a === 'affine') - Number(b === 'affine'));
}

const kindKeys = new WeakMap<Front, KeysOf>();

function kindKeysOf(front: Front): KeysOf {
  const made = kindKeys.get(front);
  if (made !== undefined) return made;
  const keysOf: KeysOf = (service) => {
    const targets = targetsOf(front, service);
    return targets === undefined || targets.length === 0 ? [] : [String(kindOf(service, targets))];
  };
  kindKeys.set(front, keysOf);
  return keysOf;
}

/** Buckets of one service. */
function lengthOf(kind: Kind): number {
  return kind === 'affine' ? AFFINITY_BUCKETS : kind;
}

/** Of the map and of the chain. */
function nameOf({ prefix }: Front, kind: Kind): string {
  return kind === 'affine' ? `${prefix}affine` : `${prefix}pick${kind}`;
}

function translation(front: Front, kind: Kind, family: Family): Rule {
  const { ip } = WORDS[family];
  const isAffine = kind === 'affine';
  const length = lengthOf(kind);
  const bucket = isAffine ? `jhash ${ip} saddr mod ${length} seed ${SEED}` : `numgen random mod ${length}`;
  const buckets = `${front.key(family)} . ${bucket} map @${nameOf(front, kind)}`;
  return {
    // nft wants a transport match in a rule that translates to a port.
    text: `meta l4proto { tcp, udp, sctp } dnat ${ip} to ${buckets}`,
    why: isAffine
      ? 'the endpoint of this client'
      : `one of ${length}: each endpoint as often as its weight says`,
  };
}

function endpointText({ address, port, weight }: EndpointIntent, family: Family): string {
  safe.weight(weight);
  return `${safe.address(address, family)} . ${safe.port(port)}`;
}
