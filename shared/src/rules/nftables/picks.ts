import type { EndpointIntent, FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import type { Policy } from '../../model/service.ts';
import type { Family } from '../../net/family.ts';
import { bucketCount, bucketsOf } from '../buckets.ts';
import { AFFINITY_BUCKETS, rendezvous } from '../rendezvous.ts';
import { safe } from '../safe.ts';
import type { Chain, Element, MapDeclaration, Rule } from './part.ts';
import { WORDS } from './words.ts';

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
  return picksOf(front, services).map(({ name, length }) => {
    // Also where `jhash` looks it up: nft 1.0.6 crashes when it lists a map that was declared with `jhash`.
    const key = `${front.key(family)} . numgen random mod ${length}`;
    return { name, kind: 'map', spec: `typeof ${key} : ${WORDS[family].ip} daddr . th dport` };
  });
}

export function pickChains(front: Front, intent: FirewallIntent): readonly Chain[] {
  const { ip } = WORDS[intent.family];
  // Only a bit of our own is set, so that other programs' marks survive.
  const masquerade: Rule = {
    text: `${ip} saddr != ${safe.cidr(intent.network, intent.family)} meta mark set meta mark | ${safe.mark(intent.mark)}`,
    why: 'no container asks: masquerade, so that the reply returns through this host',
  };
  return picksOf(front, intent.services).map((pick) => ({
    name: pick.name,
    rules: [...(front.masquerades ? [masquerade] : []), translation(front, pick, intent.family)],
  }));
}

/** The service's verdict, and its buckets; none for a service that refuses, or that is none of this front's. */
export function pickElements(front: Front, service: ServiceIntent, family: Family): Element[] {
  const policy = front.policy(service);
  if (policy === undefined) return [];
  const targets = targetsOf(service, policy);
  const pick = pickOf(front, service, targets);
  if (pick === undefined && service.endpoints.length === 0) return [];
  const key = front.keyOf(service, family);
  // Another host may serve them, so they are not told that nobody does.
  if (pick === undefined) return [{ map: front.map, key, value: 'drop' }];
  const buckets = service.affinity ? rendezvous(targets) : bucketsOf(targets);
  const values = new Map(targets.map((target) => [target, endpointText(target, family)]));
  return [
    { map: front.map, key, value: `goto ${pick.name}` },
    ...buckets.map((target, i) => ({
      map: pick.name,
      key: `${key} . ${i}`,
      value: values.get(target) ?? endpointText(target, family),
    })),
  ];
}

/** Where connections under this policy go. */
export function targetsOf(service: ServiceIntent, policy: Policy): readonly EndpointIntent[] {
  return policy === 'local' ? service.localEndpoints : service.endpoints;
}

interface Pick {
  /** Of its map and of its chain. */
  readonly name: string;
  /** Buckets of a frontend in the map. */
  readonly length: number;
  /** By the client's address. */
  readonly affinity: boolean;
}

/** Those that occur, the shortest first. */
function picksOf(front: Front, services: readonly ServiceIntent[]): readonly Pick[] {
  const found = new Map<string, Pick>();
  for (const service of services) {
    const policy = front.policy(service);
    const pick = policy === undefined ? undefined : pickOf(front, service, targetsOf(service, policy));
    if (pick !== undefined) found.set(pick.name, pick);
  }
  return [...found.values()].sort((a, b) => a.length - b.length || Number(a.affinity) - Number(b.affinity));
}

function pickOf(front: Front, service: ServiceIntent, targets: readonly EndpointIntent[]): Pick | undefined {
  if (targets.length === 0) return undefined;
  const length = service.affinity ? AFFINITY_BUCKETS : bucketCount(targets);
  const name = `${front.prefix}${service.affinity ? 'affine' : `pick${length}`}`;
  return { name, length, affinity: service.affinity };
}

function translation(front: Front, { name, length, affinity }: Pick, family: Family): Rule {
  const { ip } = WORDS[family];
  const bucket = affinity ? `jhash ${ip} saddr mod ${length} seed ${SEED}` : `numgen random mod ${length}`;
  return {
    // nft wants a transport match in a rule that translates to a port.
    text: `meta l4proto { tcp, udp, sctp } dnat ${ip} to ${front.key(family)} . ${bucket} map @${name}`,
    why: affinity
      ? 'the endpoint of this client'
      : `one of ${length}: each endpoint as often as its weight says`,
  };
}

function endpointText({ address, port, weight }: EndpointIntent, family: Family): string {
  safe.weight(weight);
  return `${safe.address(address, family)} . ${safe.port(port)}`;
}
