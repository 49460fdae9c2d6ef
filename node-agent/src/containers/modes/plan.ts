import { CausewayError, invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import {
  type Block,
  blockHasIp,
  canonicalIp,
  familyOf,
  type Ip,
  parseBlock,
  parseIp,
} from '@causeway/shared/net/block';
import {
  type ByFamily,
  byFamily,
  entriesOf,
  FAMILIES,
  type Family,
  mapFamilies,
} from '@causeway/shared/net/family';
import { assignAddresses, WISH_FIELDS } from '../addresses.ts';
import type { ContainerNetwork } from '../host-network.ts';
import { macFaults } from './macs.ts';
import { modeOf, pointedOf, targetFault } from './targets.ts';

/** What a container is to have, or why it can have nothing. */
export type Planned = ByFamily<string> | CausewayError;

interface Names {
  has(name: string): boolean;
}

/**
 * PURE. The addresses of all containers of a host, whatever their mode:
 *
 * - on the bridge, and at both ends of a point-to-point link: what the user chose, else leased ones of the host's subnets
 * - macvlan: those that the user gave it
 * - in another container's namespace: that one's
 * - with the host's network: the host's
 *
 * @param specs those of this host, each of them valid by itself
 * @param held addresses on disk by name: of these containers, and of others that are still there
 * @param running those that run
 * @returns by name; of those with the host's network, or a target that has none, addresses may be missing
 */
export function planAddresses(
  specs: readonly ContainerSpec[],
  held: ReadonlyMap<string, ByFamily<string>>,
  network: ContainerNetwork,
  running: Names,
): ReadonlyMap<string, Planned> {
  const planned = new Map<string, Planned>();
  for (const spec of specs) {
    const fault = targetFault(spec, specs) ?? doubleWish(spec, specs);
    if (fault !== undefined) planned.set(spec.name, fault);
  }
  const whole = specs.filter(({ name }) => !planned.has(name));
  const leased = leaseAll(whole, specs, { held, network, running });
  for (const spec of whole) planned.set(spec.name, leased.get(spec.name) ?? unleased(spec, network));
  for (const [name, fault] of macFaults(whole, leased, network.gateways, running)) planned.set(name, fault);
  for (const { name, network: mode } of whole) {
    const target = mode?.kind === 'container' ? planned.get(mode.container) : undefined;
    // What is wrong with the target is told there; this one only waits for it.
    if (target !== undefined) planned.set(name, target instanceof CausewayError ? {} : target);
  }
  return planned;
}

function unleased(spec: ContainerSpec, network: ContainerNetwork): ByFamily<string> {
  const mode = modeOf(spec);
  if (mode.kind === 'host') return network.hostAddresses ?? {};
  if (mode.kind !== 'macvlan') return {};
  const plain = mode.addresses.map((address) => address.split('/')[0] ?? '');
  return byFamily((family) => plain.find((address) => familyOf(address) === family));
}

interface Host {
  readonly held: ReadonlyMap<string, ByFamily<string>>;
  readonly network: ContainerNetwork;
  readonly running: Names;
}

/** Addresses of those that get theirs from the host's subnets, or could. */
function leaseAll(
  whole: readonly ContainerSpec[],
  specs: readonly ContainerSpec[],
  { held, network, running }: Host,
): ReadonlyMap<string, Planned> {
  const ranges = mapFamilies(network.subnets, (text, family) => rangeOf(text, network, family));
  const peers = new Set(pointedOf(specs).map(({ mode }) => mode.peer));
  const takes = (spec: ContainerSpec) => {
    const { kind } = modeOf(spec);
    return kind === 'bridge' || kind === 'p2p' || (kind === 'none' && peers.has(spec.name));
  };
  const takers = whole.filter(takes);
  const strangers = [...held].filter(([name]) => specs.every((spec) => spec.name !== name));
  // Whoever has lost its peer does not lose its address to others meanwhile.
  const alone = pointedOf(specs.filter((spec) => !whole.includes(spec)));
  const holders = new Map([
    ...strangers,
    ...[...alone, ...takers].map(({ name }) => [name, held.get(name) ?? {}] as const),
  ]);
  const found = mapFamilies(ranges, (range, family) => {
    const inside = takers.filter((spec) => !isOutside(spec, family, range.subnet));
    return assignAddresses({
      ...range,
      held: new Map(
        [...holders].flatMap(([name, all]) => (all[family] === undefined ? [] : [[name, all[family]]])),
      ),
      wanted: inside.map(({ name }) => name),
      wished: new Map(inside.flatMap((spec) => pair(spec.name, wishOf(spec, family)))),
    });
  });
  return new Map(takers.map((spec) => [spec.name, collect(spec, found, ranges, running)]));
}

function pair(name: string, wish: string | undefined): readonly (readonly [string, string])[] {
  return wish === undefined ? [] : [[name, wish]];
}

function collect(
  spec: ContainerSpec,
  found: ByFamily<Map<string, string | CausewayError>>,
  ranges: ByFamily<Range>,
  running: Names,
): Planned {
  const { name } = spec;
  const all = FAMILIES.map((family) => {
    const wish = wishOf(spec, family);
    const given = found[family]?.get(name);
    if (given !== undefined || wish === undefined) return [family, given] as const;
    // Both ends of a link to one container know no subnet; on the bridge there must be one.
    if (modeOf(spec).kind === 'p2p') return [family, canonicalIp(wish)] as const;
    return [
      family,
      invalid(WISH_FIELDS[family], wish, 'is of a family that its host has no subnet of'),
    ] as const;
  });
  const fault = all.map(([, one]) => one).find((one) => one instanceof CausewayError);
  if (fault !== undefined) return fault.code === 'exhausted' ? fault : about(name, fault);
  const addresses = byFamily((family) => {
    const one = all.find(([of]) => of === family)?.[1];
    return typeof one === 'string' ? one : undefined;
  });
  const isEmpty = entriesOf(addresses).length === 0 && entriesOf(ranges).length === 0;
  return isEmpty && modeOf(spec).kind !== 'none' ? noSubnet(name, running) : addresses;
}

/** What runs goes on running: it may get its addresses back, or others. */
function noSubnet(name: string, running: Names): CausewayError {
  const fate = running.has(name) ? 'runs without a network' : 'is not started';
  return new CausewayError(
    'unreachable',
    `container ${name} ${fate}: this host has no subnet (it waits for one, or has lost its own to another host)`,
  );
}

/** An address of a point-to-point link may be anybody's numbers: it is known at the other end only. */
function isOutside(spec: ContainerSpec, family: Family, subnet: Block): boolean {
  const wish = parseIp(wishOf(spec, family) ?? '');
  return modeOf(spec).kind === 'p2p' && wish !== undefined && !blockHasIp(subnet, wish);
}

function wishOf(spec: ContainerSpec, family: Family): string | undefined {
  const mode = modeOf(spec);
  if (mode.kind !== 'bridge' && mode.kind !== 'p2p') return undefined;
  return family === 'ipv4' ? mode.address : mode.ipv6Address;
}

/** Both ends of one link with one address: neither would reach the other. */
function doubleWish(spec: ContainerSpec, specs: readonly ContainerSpec[]): CausewayError | undefined {
  const mode = modeOf(spec);
  if (mode.kind !== 'p2p') return undefined;
  const peer = specs.find(({ name }) => name === mode.peer);
  const family = FAMILIES.find((one) => {
    const wish = canonicalIp(wishOf(spec, one) ?? '');
    return wish !== undefined && peer !== undefined && canonicalIp(wishOf(peer, one) ?? '') === wish;
  });
  if (family === undefined) return undefined;
  const wish = wishOf(spec, family);
  const error = invalid(WISH_FIELDS[family], wish, `is that of its peer ${mode.peer} too`);
  return about(spec.name, error);
}

function about(name: string, cause: CausewayError): CausewayError {
  return new CausewayError(cause.code, `container ${name}: ${cause.message}`, { cause });
}

interface Range {
  readonly subnet: Block;
  readonly gateway: Ip;
}

/** The subnet and its gateway as numbers. */
function rangeOf(text: string, { gateways }: ContainerNetwork, family: Family): Range {
  const subnet = parseBlock(text);
  const gateway = parseIp(gateways[family] ?? '');
  if (subnet?.family === family && gateway !== undefined && blockHasIp(subnet, gateway))
    return { subnet, gateway };
  throw new CausewayError(
    'internal',
    `placing containers in ${text}: its gateway is no address of it: ${gateways[family]}`,
  );
}
