import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { ServiceSpec } from '@causeway/shared/model/service';
import type { ParsedServiceInput } from '@causeway/shared/model/service-input';
import { blockHasIp, formatBlock, formatIp } from '@causeway/shared/net/block';
import { FAMILIES, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { unicastAddress } from './address.ts';
import type { ClusterFacts } from './cluster-facts.ts';

/** A VIP that a service asks for. */
export interface VipWish {
  readonly family: Family;
  /** Canonical. Absent: one is to be given out. */
  readonly address?: string;
}

/** Where a service is reached. */
export interface Frontends {
  /** In the order in which they were asked for. */
  readonly vips: readonly VipWish[];
  /** Those of the VIPs, in their order, if there are any. */
  readonly families: readonly Family[];
}

type Asked = Pick<ParsedServiceInput, 'vip' | 'families'>;

/**
 * Checks which VIPs a service asks for, and in which families it is to be served.
 *
 * @param self the service that is replaced: what it has is its own
 * @param selfName the name of the service, if it is known yet
 * @throws CausewayError `invalid`, or `conflict` when another service has a VIP
 */
export function checkVips(
  input: Asked,
  facts: ClusterFacts,
  self: Pick<ServiceSpec, 'families'> | undefined,
  selfName: string | undefined,
): Frontends {
  input.families?.forEach((family, index) => {
    if (facts.networks[family] === undefined)
      throw invalid(`families[${index}]`, family, cannotBeServed(family));
  });
  if (input.vip === 'none') return { vips: [], families: openFamilies(input, facts, self) };
  if (input.vip === 'auto') {
    const families = openFamilies(input, facts, self);
    return { vips: families.map((family) => ({ family })), families };
  }
  const vips = wishes(input, facts, self, selfName);
  const families = vips.map(({ family }) => family);
  if (input.families !== undefined && !sameSet(input.families, families)) {
    throw invalid(
      'families',
      input.families,
      `are not those of the VIPs, ${families.join(' and ')}; "auto" beside a VIP asks for one of the other family`,
    );
  }
  return { vips, families };
}

/**
 * The families of a service that names no address: those that it asks for, those that it has, IPv4 if the network has
 * it, or else IPv6.
 */
function openFamilies(
  input: Asked,
  facts: ClusterFacts,
  self: Pick<ServiceSpec, 'families'> | undefined,
): readonly Family[] {
  if (input.families !== undefined) return input.families;
  const own = self?.families.filter((family) => facts.networks[family] !== undefined) ?? [];
  return own.length > 0 ? own : servedFamilies(facts).slice(0, 1);
}

function servedFamilies(facts: ClusterFacts): readonly Family[] {
  return FAMILIES.filter((family) => facts.networks[family] !== undefined);
}

/** A VIP that is left open is of a family that the service has, if it has one to spare. */
function wishes(
  input: Asked,
  facts: ClusterFacts,
  self: Pick<ServiceSpec, 'families'> | undefined,
  selfName: string | undefined,
): readonly VipWish[] {
  const texts = typeof input.vip === 'string' ? [input.vip] : input.vip;
  const fieldOf = (index: number) => (typeof input.vip === 'string' ? 'vip' : `vip[${index}]`);
  const taken = new Set<Family>();
  const given = texts.map((text, index) => {
    if (text === 'auto') return undefined;
    const wish = checkedVip(fieldOf(index), text, facts, selfName);
    if (taken.has(wish.family))
      throw invalid(
        fieldOf(index),
        text,
        `is a second ${FAMILY_NAMES[wish.family]} address: a service has one VIP of each family`,
      );
    taken.add(wish.family);
    return wish;
  });
  const open = input.families ?? [...(self?.families ?? []), ...servedFamilies(facts)];
  return given.map((wish, index) => {
    if (wish !== undefined) return wish;
    const family = open.find((one) => !taken.has(one) && facts.networks[one] !== undefined);
    if (family === undefined)
      throw invalid(
        fieldOf(index),
        'auto',
        `is one VIP too many: there is one of each family that is served, ${[...taken].join(' and ')}`,
      );
    taken.add(family);
    return { family };
  });
}

function checkedVip(field: string, text: string, facts: ClusterFacts, self: string | undefined): VipWish {
  const ip = unicastAddress(field, text, text, 'is not an IPv4 address, an IPv6 address, "auto" or "none"');
  const address = formatIp(ip);
  const network = facts.networks[ip.family];
  if (network === undefined) throw invalid(field, text, cannotBeServed(ip.family));
  if (blockHasIp(network, ip))
    throw invalid(field, text, `is inside the container network ${formatBlock(network)}`);
  const host = facts.hostOf(address);
  if (host !== undefined) throw invalid(field, text, `is an address of host "${host}"`);
  const near = facts.networkAt(ip);
  if (near !== undefined) {
    throw invalid(
      field,
      text,
      `is inside ${formatBlock(near.network)}, the network of host "${near.host}", where a machine may have it`,
    );
  }
  checkNobodys(field, text, address, facts, self);
  return { family: ip.family, address };
}

function checkNobodys(
  field: string,
  text: string,
  address: string,
  facts: ClusterFacts,
  self: string | undefined,
): void {
  const served = facts.serviceWithEndpointAt(address);
  if (served !== undefined)
    throw invalid(field, text, `is the address of an endpoint of service ${show(served)}`);
  const workload = facts.workloadAt(address);
  if (workload !== undefined) throw invalid(field, text, `is the address of workload "${workload}"`);
  const owner = facts.vipOwner(address);
  if (owner === undefined || owner === self) return;
  throw new CausewayError(
    'conflict',
    `${field} "${text}" is taken by service ${show(owner)}; add the port to that service, or choose another address`,
    { field, value: text },
  );
}

function cannotBeServed(family: Family): string {
  return `cannot be served: the container network has no ${FAMILY_NAMES[family]}`;
}

function sameSet(a: readonly Family[], b: readonly Family[]): boolean {
  return a.length === b.length && a.every((family) => b.includes(family));
}
