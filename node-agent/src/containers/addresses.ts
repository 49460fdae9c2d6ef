import { CausewayError } from '@causeway/shared/errors';
import {
  type Cidr,
  containsAddress,
  formatAddress,
  formatCidr,
  lastAddress,
  parseAddress,
} from '@causeway/shared/net/cidr';

export interface AddressRequest {
  readonly subnet: Cidr;
  /** The bridge's address: nobody else's. */
  readonly gateway: number;
  /** What containers have on this host, by name; also of those that are about to go. */
  readonly held: ReadonlyMap<string, string>;
  /** Names that need an address. */
  readonly wanted: readonly string[];
}

/**
 * PURE. An address for each wanted name: the one that it holds if that is still good, else the lowest free one.
 * Of two that hold the same address the first by name keeps it.
 *
 * @returns by name, an address or the error that says why there is none
 */
export function assignAddresses(request: AddressRequest): Map<string, string | CausewayError> {
  const { subnet, gateway, held } = request;
  const taken = new Set<number>([subnet.base, lastAddress(subnet), gateway]);
  const result = new Map<string, string | CausewayError>();
  const wanted = new Set(request.wanted);
  for (const name of [...held.keys()].sort()) {
    const address = parseAddress(held.get(name) ?? '');
    if (address === undefined || !containsAddress(subnet, address) || taken.has(address)) continue;
    taken.add(address);
    if (wanted.has(name)) result.set(name, formatAddress(address));
  }
  let next = subnet.base + 1;
  for (const name of wanted) {
    if (result.has(name)) continue;
    while (taken.has(next)) next++;
    if (next >= lastAddress(subnet)) {
      result.set(name, exhausted(name, subnet));
      continue;
    }
    taken.add(next);
    result.set(name, formatAddress(next));
  }
  return result;
}

function exhausted(name: string, subnet: Cidr): CausewayError {
  const all = Math.max(0, lastAddress(subnet) - subnet.base - 2);
  return new CausewayError(
    'exhausted',
    `choosing an address for container ${name}: all ${all} addresses of ${formatCidr(subnet)} are taken`,
  );
}

/**
 * A container's link-layer address, made from its IPv4 address (the habit of CNI's bridge): whoever gets an
 * address again is found at once by neighbours that still remember its last owner.
 */
export function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return `0a:58:${octets.join(':')}`;
}
