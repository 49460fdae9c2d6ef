import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { containsAddress, parseAddress, parseCidr } from '@causeway/shared/net/cidr';
import { assignAddresses } from './addresses.ts';
import { type ContainerNetwork, linkFault } from './network.ts';
import { namesIn, type Observed } from './observe.ts';
import { hostLinkOf, isContainerName, isHostLink } from './places.ts';
import { checkSpec, specHash } from './spec.ts';

/** What to do about one wanted container. */
export type Decision =
  | { readonly kind: 'keep'; readonly name: string; readonly address: string; readonly pid: number }
  | {
      readonly kind: 'repair';
      readonly name: string;
      readonly address: string;
      readonly pid: number;
      /** The namespace's name is missing or names another one. */
      readonly renameNetns: boolean;
      readonly relink: boolean;
      readonly why: string;
    }
  | {
      readonly kind: 'start';
      readonly name: string;
      readonly address: string;
      readonly spec: ContainerSpec;
      readonly specHash: string;
      /** This definition was never tried: no earlier failure delays it. */
      readonly fresh: boolean;
      readonly why: string;
    }
  | { readonly kind: 'refuse'; readonly name: string; readonly error: unknown };

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
  const subnet = parseCidr(network.subnet);
  const gateway = parseAddress(network.gateway);
  if (subnet === undefined || gateway === undefined || !containsAddress(subnet, gateway))
    throw new CausewayError(
      'internal',
      `placing containers in ${network.subnet}: its gateway is no address of it: ${network.gateway}`,
    );
  const faults = faultsOf(specs);
  const wanted = specs.filter((spec) => !faults.has(spec)).map(({ name }) => name);
  const stays = new Set([...specs.map(({ name }) => name), ...stuck]);
  const held = new Map(
    [...observed.records].filter(([name]) => stays.has(name)).map(([name, { address }]) => [name, address]),
  );
  const addresses = assignAddresses({ subnet, gateway, held, wanted });
  return specs.map((spec) => {
    const { name } = spec;
    const address = faults.get(spec) ?? addresses.get(name);
    return typeof address === 'string'
      ? decideOne(spec, address, observed, network)
      : { kind: 'refuse', name, error: address };
  });
}

function decideOne(
  spec: ContainerSpec,
  address: string,
  observed: Observed,
  network: ContainerNetwork,
): Decision {
  const { name } = spec;
  const hash = specHash(spec);
  const running = observed.running.get(name);
  const record = observed.records.get(name);
  const fresh = record?.specHash !== hash;
  const start = (why: string): Decision => ({
    kind: 'start',
    name,
    address,
    spec,
    specHash: hash,
    fresh,
    why,
  });
  if (running === undefined) return start(record?.process === undefined ? 'it does not run' : 'it has ended');
  if (record === undefined || fresh) return start('its definition has changed');
  if (record.address !== address)
    return start(`its address ${record.address} is not one of ${network.subnet}`);
  const renameNetns = running.netns === undefined || observed.netns.get(name) !== running.netns;
  const fault = linkFault(observed.links.get(hostLinkOf(name)), network);
  const kept = { name, address, pid: running.pid };
  if (!renameNetns && fault === undefined) return { kind: 'keep', ...kept };
  const why = [...(renameNetns ? ['its namespace has lost its name'] : []), fault ?? []].flat().join(', ');
  return { kind: 'repair', ...kept, renameNetns, relink: fault !== undefined, why };
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
