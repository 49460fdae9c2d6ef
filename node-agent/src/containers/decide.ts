import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { type Block, blockHasIp, type Ip, parseBlock, parseIp } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, FAMILIES, type Family, mapFamilies } from '@causeway/shared/net/family';
import { assignAddresses } from './addresses.ts';
import { type ContainerNetwork, linkFault } from './network.ts';
import { namesIn, type Observed } from './observe.ts';
import { hostLinkOf, isContainerName, isHostLink } from './places.ts';
import { addressesOf } from './records.ts';
import { checkSpec, specHash } from './spec.ts';

/** What to do about one wanted container. */
export type Decision = Keep | Repair | Start | Refuse;

export interface Keep {
  readonly kind: 'keep';
  readonly name: string;
  readonly addresses: ByFamily<string>;
  readonly pid: number;
}

export interface Repair {
  readonly kind: 'repair';
  readonly name: string;
  readonly addresses: ByFamily<string>;
  readonly pid: number;
  readonly spec: ContainerSpec;
  /** The addresses that it has to give up; those that it has had or keeps are not among them. */
  readonly from?: ByFamily<string>;
  /** The namespace's name is missing or names another one. */
  readonly renameNetns: boolean;
  readonly relink: boolean;
  readonly why: string;
}

export interface Start {
  readonly kind: 'start';
  readonly name: string;
  readonly addresses: ByFamily<string>;
  readonly spec: ContainerSpec;
  readonly specHash: string;
  /** This definition was never tried: no earlier failure delays it. */
  readonly fresh: boolean;
  /** The addresses that it had and will not have. */
  readonly from?: ByFamily<string>;
  readonly why: string;
}

export interface Refuse {
  readonly kind: 'refuse';
  readonly name: string;
  readonly error: unknown;
}

export interface Leftovers {
  readonly names: readonly string[];
  /** Host ends of veth pairs that belong to no name known any more. */
  readonly links: readonly string[];
}

/**
 * PURE. What is here and not wanted.
 *
 * @param spared names that stay as they are, wanted or not
 */
export function leftovers(
  specs: readonly ContainerSpec[],
  observed: Observed,
  spared: ReadonlySet<string>,
): Leftovers {
  const wanted = new Set([...specs.map(({ name }) => name), ...spared]);
  const names = [...namesIn(observed)].filter((name) => !wanted.has(name)).sort();
  const spoken = new Set([...wanted, ...names].filter(isContainerName).map(hostLinkOf));
  const links = [...observed.links.keys()].filter((link) => isHostLink(link) && !spoken.has(link));
  return { names, links };
}

/**
 * PURE. One decision for each spec, in their order.
 *
 * @param stuck names that are spared, or should be gone but could not be removed: their addresses stay taken
 */
export function decide(
  specs: readonly ContainerSpec[],
  observed: Observed,
  network: ContainerNetwork,
  stuck: ReadonlySet<string>,
): readonly Decision[] {
  const faults = faultsOf(specs);
  const wanted = specs.filter((spec) => !faults.has(spec)).map(({ name }) => name);
  const stays = new Set([...specs.map(({ name }) => name), ...stuck]);
  const records = [...observed.records].filter(([name]) => stays.has(name));
  const assigned = mapFamilies(network.subnets, (text, family) => {
    const held = records.flatMap(([name, record]) => {
      const address = addressesOf(record)[family];
      return address === undefined ? [] : [[name, address] as const];
    });
    return assignAddresses({ ...rangeOf(text, network, family), held: new Map(held), wanted });
  });
  return specs.map((spec) => {
    const { name } = spec;
    const all = entriesOf(assigned).map(([, one]) => one.get(name));
    const fault = faults.get(spec) ?? all.find((one) => one instanceof CausewayError);
    if (fault !== undefined) return { kind: 'refuse', name, error: fault };
    if (all.length === 0) return { kind: 'refuse', name, error: noSubnet(name, observed) };
    const addresses = mapFamilies(assigned, (one) => {
      const address = one.get(name);
      return typeof address === 'string' ? address : undefined;
    });
    return decideOne(spec, addresses, observed, network);
  });
}

/** The subnet and its gateway as numbers. */
function rangeOf(
  text: string,
  { gateways }: ContainerNetwork,
  family: Family,
): { subnet: Block; gateway: Ip } {
  const subnet = parseBlock(text);
  const gateway = parseIp(gateways[family] ?? '');
  if (subnet?.family === family && gateway !== undefined && blockHasIp(subnet, gateway))
    return { subnet, gateway };
  throw new CausewayError(
    'internal',
    `placing containers in ${text}: its gateway is no address of it: ${gateways[family]}`,
  );
}

/** What runs goes on running: it may get its addresses back, or others. */
function noSubnet(name: string, observed: Observed): CausewayError {
  const fate = observed.running.has(name) ? 'runs without a network' : 'is not started';
  return new CausewayError(
    'unreachable',
    `container ${name} ${fate}: this host has no subnet (it waits for one, or has lost its own to another host)`,
  );
}

function decideOne(
  spec: ContainerSpec,
  addresses: ByFamily<string>,
  observed: Observed,
  network: ContainerNetwork,
): Decision {
  const { name } = spec;
  const hash = specHash(spec);
  const running = observed.running.get(name);
  const record = observed.records.get(name);
  const fresh = record?.specHash !== hash;
  const held = record === undefined ? {} : addressesOf(record);
  const lost = {
    ...record?.movedFrom,
    ...mapFamilies(held, (one, family) => (one === addresses[family] ? undefined : one)),
  };
  const from = entriesOf(lost).length === 0 ? {} : { from: lost };
  const start = (why: string): Decision => ({
    ...{ kind: 'start', name, addresses, spec, specHash: hash, fresh, ...from, why },
  });
  if (running === undefined) return start(record?.process === undefined ? 'it does not run' : 'it has ended');
  if (record === undefined || fresh) return start('its definition has changed');
  const renameNetns = running.netns === undefined || observed.netns.get(name) !== running.netns;
  const link = linkFault(observed.links.get(hostLinkOf(name)), network);
  const moves =
    FAMILIES.some((family) => held[family] !== addresses[family]) || record.movedFrom !== undefined;
  const reasons = [
    renameNetns ? ['its namespace has lost its name'] : [],
    moves ? [`its addresses change from ${addressText(lost)} to ${addressText(addresses)}`] : [],
    link ?? [],
  ].flat();
  if (reasons.length === 0) return { kind: 'keep', name, addresses, pid: running.pid };
  const relink = link !== undefined || moves;
  const why = reasons.join(', ');
  return { kind: 'repair', name, addresses, pid: running.pid, spec, ...from, renameNetns, relink, why };
}

/** `10.10.1.2 and fd00:10:0:1::2` */
export function addressText(addresses: ByFamily<string>): string {
  const all = entriesOf(addresses).map(([, address]) => address);
  return all.length === 0 ? 'none' : all.join(' and ');
}

function faultsOf(specs: readonly ContainerSpec[]): ReadonlyMap<ContainerSpec, unknown> {
  const faults = new Map<ContainerSpec, unknown>();
  const seen = new Set<string>();
  for (const spec of specs) {
    try {
      checkSpec(spec);
      if (seen.has(spec.name))
        throw new CausewayError('conflict', `container ${spec.name}: this host is given it twice`);
      seen.add(spec.name);
    } catch (error) {
      faults.set(spec, error);
    }
  }
  return faults;
}
