import { CausewayError, invalid } from '@causeway/shared/errors';
import { BRIDGE } from '@causeway/shared/names';
import { formatCidr, maskTo, parseAddress } from '@causeway/shared/net/cidr';
import { ipShow } from './ip.ts';
import { addressesOf, type ListedAddress, linksOf, routesOf } from './ip-json.ts';
import type { FactsRequest, HostInfo } from './kernel.ts';

/**
 * The host's name, link and addresses. The link is, in this order: the one named, the one that has the address
 * named, the one of the default route with the lowest metric.
 *
 * @throws CausewayError `invalid` when what was named does not exist, `not-found` when nothing is named and there is
 * no default route
 */
export async function readHost(request: FactsRequest): Promise<HostInfo> {
  const [links, listed, routes] = await ipShow([
    'link show',
    'address show',
    'route show table main default',
  ]);
  const addresses = addressesOf(listed ?? []);
  const names = linksOf(links ?? []).map((link) => link.name);
  const chosen = choose(request, names, addresses, defaultDevice(routes ?? []));
  const ifaceSubnet = subnetOf(chosen);
  return {
    facts: {
      name: request.name,
      id: request.id,
      iface: chosen.link,
      publicIp: chosen.address,
      ifaceSubnet,
      mtu: chosen.mtu,
    },
    addresses: addresses.filter(isHosts).map((one) => one.address),
  };
}

function defaultDevice(items: Parameters<typeof routesOf>[0]): string | undefined {
  const routes = routesOf(items).filter((route) => route.device !== undefined);
  return [...routes].sort((a, b) => a.metric - b.metric)[0]?.device;
}

function choose(
  request: FactsRequest,
  links: readonly string[],
  addresses: readonly ListedAddress[],
  defaultLink: string | undefined,
): ListedAddress {
  const { iface, publicIp } = request;
  if (iface !== undefined && !links.includes(iface)) throw invalid('iface', iface, 'is no link of this host');
  if (publicIp !== undefined) {
    const found = addresses.find((one) => one.address === publicIp && (iface ?? one.link) === one.link);
    if (found !== undefined) return found;
    throw invalid(
      'public-ip',
      publicIp,
      `is no address of ${iface === undefined ? 'this host' : `the link ${iface}`}`,
    );
  }
  const link = iface ?? defaultLink;
  if (link === undefined) {
    const told =
      'choosing the link to the other hosts: there is no default route; name the link with --iface';
    throw new CausewayError('not-found', told);
  }
  const found =
    addresses.find((one) => one.link === link && !one.secondary) ??
    addresses.find((one) => one.link === link);
  if (found !== undefined) return found;
  throw invalid('iface', link, 'has no IPv4 address');
}

function subnetOf(chosen: ListedAddress): string {
  const address = parseAddress(chosen.address) ?? 0;
  return formatCidr({ base: maskTo(address, chosen.prefixLength), length: chosen.prefixLength });
}

function isHosts(one: ListedAddress): boolean {
  return one.link !== BRIDGE && !one.address.startsWith('127.');
}
