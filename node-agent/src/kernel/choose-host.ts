import { CausewayError, invalid } from '@causeway/shared/errors';
import type { FamilyFacts, HostFacts } from '@causeway/shared/model/host-facts';
import { LINK_PREFIX } from '@causeway/shared/names';
import { blockAt, formatBlock, parseIp } from '@causeway/shared/net/block';
import {
  type ByFamily,
  byFamily,
  entriesOf,
  FAMILIES,
  FAMILY_NAMES,
  type Family,
} from '@causeway/shared/net/family';
import type { FactsRequest, HostInfo } from './kernel.ts';

/** What the choice of the host's link and addresses is made from, in the kernel's order. */
export interface HostListing {
  readonly links: readonly { readonly name: string; readonly mtu: number; readonly up: boolean }[];
  readonly addresses: readonly HostAddress[];
  /** Links of the default routes: the best one of IPv4 first, those of IPv6 last. */
  readonly defaults: readonly string[];
  /** The kernel's answer for the address that must be reached; absent: no route leads there. */
  readonly reach?: { readonly link: string; readonly source?: string };
}

export interface HostAddress {
  readonly link: string;
  readonly family: Family;
  /** In its canonical form, without prefix length. */
  readonly address: string;
  readonly prefixLength: number;
  /**
   * `passing`: temporary or deprecated, or not yet found to be free of doubles. `local`: of this link or this host
   * alone. Neither is chosen.
   */
  readonly use: 'usable' | 'passing' | 'local';
  readonly secondary: boolean;
}

/** A link, and the addresses on it that the request asks for. */
interface Choice {
  readonly link: string;
  readonly named: ByFamily<string>;
}

/**
 * The host's link to the other hosts and its address on it in each family. The link is that of `iface`, else the first
 * that `ifacePattern` matches (by an address, then by name), else the way to `canReach`, else the link that has
 * `publicIp` or `publicIpv6`, else that of the default route. Where `request` leaves a choice, what was `known` stays
 * as long as it is there. Pure.
 *
 * @throws CausewayError `invalid` with flag and value when what was named is not there, `not-found` when nothing is
 * named and no default route has a link with an address
 */
export function chooseHost(request: FactsRequest, all: HostListing): HostInfo {
  const listing = withoutBridge(request, all);
  const choice = chooseLink(request, listing);
  const link = listing.links.find(({ name }) => name === choice.link);
  if (link === undefined) throw invalid('--iface', choice.link, 'is no link of this host');
  const problems: string[] = [];
  const families = byFamily((family) => factsOf(family, { request, listing, choice, problems }));
  if (families.ipv4 === undefined && families.ipv6 === undefined) throw addressless(request, choice.link);
  const { name, id } = request;
  return {
    facts: {
      ...{ name, id, iface: link.name, mtu: link.mtu, ...families },
      ...(request.bridge === undefined ? {} : { bridge: request.bridge }),
    },
    addresses: addressesOf(listing, families),
    problems,
  };
}

/** The bridge's addresses are the containers' gateways, and none of the host's own. */
function withoutBridge({ bridge }: FactsRequest, listing: HostListing): HostListing {
  if (bridge === undefined) return listing;
  return {
    ...listing,
    links: listing.links.filter(({ name }) => name !== bridge),
    addresses: listing.addresses.filter(({ link }) => link !== bridge),
  };
}

/** Sorted: the kernel's order changes with the weather. An address that is kept counts as there. */
function addressesOf(listing: HostListing, kept: ByFamily<FamilyFacts>): readonly string[] {
  const listed = listing.addresses.filter(isHosts).map(({ address }) => address);
  return [...new Set([...listed, ...entriesOf(kept).map(([, { publicIp }]) => publicIp)])].sort();
}

function chooseLink(request: FactsRequest, listing: HostListing): Choice {
  const { iface, ifacePattern, canReach, publicIp, publicIpv6 } = request;
  if (iface !== undefined) return byNameOrAddress(iface, listing);
  if (ifacePattern !== undefined) return byPattern(ifacePattern, request, listing);
  const known = keptLink(request, listing);
  if (known !== undefined) return { link: known, named: {} };
  if (canReach !== undefined) return byReach(canReach, listing);
  if (publicIp !== undefined) return { link: linkOf('--public-ip', publicIp, listing), named: {} };
  if (publicIpv6 !== undefined) return { link: linkOf('--public-ipv6', publicIpv6, listing), named: {} };
  const link = listing.defaults.find((name) => hasAddress(name, listing));
  if (link !== undefined) return { link, named: {} };
  const why = listing.defaults.length === 0 ? 'there is no default route' : 'its link has no address';
  const told = `choosing the link to the other hosts by the default route: ${why}; name the link with --iface`;
  throw new CausewayError('not-found', told);
}

function addressless({ iface, canReach }: FactsRequest, link: string): CausewayError {
  if (iface === undefined && canReach !== undefined)
    return invalid(
      '--iface-can-reach',
      canReach,
      `is reached by the link ${link}, which has no address of its own`,
    );
  return invalid('--iface', link, 'is a link without an address that other hosts could reach');
}

function byNameOrAddress(iface: string, listing: HostListing): Choice {
  const ip = parseIp(iface);
  if (ip !== undefined) return { link: linkOf('--iface', iface, listing), named: { [ip.family]: iface } };
  if (listing.links.some(({ name }) => name === iface)) return { link: iface, named: {} };
  throw invalid('--iface', iface, 'is no link of this host');
}

/** Addresses before names, as flannel does it. */
function byPattern(text: string, { known }: FactsRequest, listing: HostListing): Choice {
  const pattern = new RegExp(text);
  const candidates = listing.addresses.filter((one) => isCandidate(one) && pattern.test(one.address));
  const kept = candidates.find((one) => one.link === known?.iface && isKnown(one, known));
  const found = kept ?? candidates.find((one) => one.link === known?.iface) ?? candidates[0];
  if (found !== undefined) {
    const mine = candidates.filter(({ link }) => link === found.link);
    const first = (family: Family) =>
      mine.find((one) => one.family === family && isKnown(one, known))?.address ??
      mine.find((one) => one.family === family)?.address;
    return { link: found.link, named: byFamily(first) };
  }
  const names = listing.links.map(({ name }) => name);
  const fits = (name: string) => pattern.test(name) && hasAddress(name, listing);
  const link = known !== undefined && fits(known.iface) ? known.iface : names.find(fits);
  if (link !== undefined) return { link, named: {} };
  throw invalid('--iface-regex', text, `matches none of this host's links and addresses: ${told(listing)}`);
}

function byReach(canReach: string, { reach, ...listing }: HostListing): Choice {
  if (reach === undefined)
    throw invalid('--iface-can-reach', canReach, 'is an address that no route of this host leads to');
  if (reach.link === 'lo')
    throw invalid('--iface-can-reach', canReach, 'is an address of this host itself, and tells no link');
  const source = listing.addresses.find(
    (one) => isCandidate(one) && one.link === reach.link && one.address === reach.source,
  );
  return { link: reach.link, named: source === undefined ? {} : { [source.family]: source.address } };
}

/**
 * The link of before, while it has an address or is down, which takes its IPv6 ones: neither a flap nor another default
 * route (a VPN's) moves a host.
 */
function keptLink(request: FactsRequest, listing: HostListing): string | undefined {
  const { known, publicIp, publicIpv6 } = request;
  const link = listing.links.find(({ name }) => name === known?.iface);
  if (link === undefined) return undefined;
  const own = listing.addresses.filter((one) => one.link === link.name && one.use !== 'local');
  const named = [publicIp, publicIpv6].filter((one) => one !== undefined);
  const hasNamed = named.every((address) => own.some((one) => one.address === address));
  return hasNamed && (own.length > 0 || !link.up) ? link.name : undefined;
}

function linkOf(flag: string, address: string, { addresses }: HostListing): string {
  const found = addresses.find((one) => one.address === address && isHosts(one));
  if (found !== undefined) return found.link;
  throw invalid(flag, address, 'is no address of this host');
}

interface Context {
  readonly request: FactsRequest;
  readonly listing: HostListing;
  readonly choice: Choice;
  readonly problems: string[];
}

function factsOf(family: Family, context: Context): FamilyFacts | undefined {
  const { request, listing, choice, problems } = context;
  const own = listing.addresses.filter((one) => one.link === choice.link && one.family === family);
  const flag = family === 'ipv4' ? '--public-ip' : '--public-ipv6';
  const wanted = family === 'ipv4' ? request.publicIp : request.publicIpv6;
  const named = wanted ?? choice.named[family];
  const found = named === undefined ? pick(own, request.known) : own.find(({ address }) => address === named);
  if (found !== undefined) return { publicIp: found.address, network: networkOf(found) };
  if (named !== undefined) throw invalid(flag, named, `is no address of the link ${choice.link}`);
  // A link that was down for a moment gets its addresses back; nobody's routes should follow it there and back.
  const known = request.known?.iface === choice.link ? request.known[family] : undefined;
  if (known === undefined) return undefined;
  problems.push(
    `the link ${choice.link} has no ${FAMILY_NAMES[family]} address; the other hosts still know ${known.publicIp}`,
  );
  return known;
}

/** The known one; else the first that is no second one of its network; else any that can be used. */
function pick(own: readonly HostAddress[], known: HostFacts | undefined): HostAddress | undefined {
  const usable = own.filter(({ use }) => use === 'usable');
  return (
    usable.find((one) => isKnown(one, known)) ??
    usable.find(({ secondary }) => !secondary) ??
    usable[0] ??
    own.find((one) => one.use === 'passing' && isKnown(one, known))
  );
}

function isKnown({ link, family, address }: HostAddress, known: HostFacts | undefined): boolean {
  return known?.iface === link && known[family]?.publicIp === address;
}

function hasAddress(link: string, { addresses }: HostListing): boolean {
  return addresses.some((one) => one.link === link && isCandidate(one));
}

/** May be chosen without being named: on a link that can lead to others and is none of ours. */
function isCandidate(one: HostAddress): boolean {
  return one.use === 'usable' && one.link !== 'lo' && !one.link.startsWith(LINK_PREFIX);
}

function isHosts(one: HostAddress): boolean {
  return one.use !== 'local' && !one.link.startsWith(LINK_PREFIX);
}

function networkOf({ address, prefixLength }: HostAddress): string {
  const ip = parseIp(address);
  return ip === undefined ? `${address}/${prefixLength}` : formatBlock(blockAt(ip, prefixLength));
}

/** Links and addresses to choose from, for a person. */
function told(listing: HostListing): string {
  const links = [...new Set(listing.addresses.filter(isCandidate).map(({ link }) => link))];
  const addresses = (link: string) =>
    FAMILIES.flatMap((family) =>
      listing.addresses.filter((one) => one.link === link && one.family === family && isCandidate(one)),
    ).map(({ address }) => address);
  if (links.length === 0) return 'none has an address';
  return links.map((link) => `${link} (${addresses(link).join(', ')})`).join(', ');
}
