import { CausewayError } from '@causeway/shared/errors';
import {
  type Block,
  blockHasIp,
  formatBlock,
  formatIp,
  type Ip,
  lastOfBlock,
  parseIp,
  sizeOfBlock,
} from '@causeway/shared/net/block';
import { FAMILY_NAMES } from '@causeway/shared/net/family';

export interface AddressRequest {
  readonly subnet: Block;
  /** The bridge's address: nobody else's. */
  readonly gateway: Ip;
  /** What containers have on this host in this family, by name; also of those that are about to go. */
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
  const { subnet, held } = request;
  const { family } = subnet;
  const nobodys = nobodysIn(request);
  const taken = new Set(nobodys);
  const result = new Map<string, string | CausewayError>();
  const wanted = new Set(request.wanted);
  for (const name of [...held.keys()].sort()) {
    const ip = parseIp(held.get(name) ?? '');
    if (ip === undefined || !blockHasIp(subnet, ip) || taken.has(ip.value)) continue;
    taken.add(ip.value);
    if (wanted.has(name)) result.set(name, formatIp(ip));
  }
  let next = subnet.base + 1n;
  for (const name of wanted) {
    if (result.has(name)) continue;
    while (taken.has(next)) next++;
    if (next > lastOfBlock(subnet).value) {
      result.set(name, exhausted(name, subnet, nobodys.size));
      continue;
    }
    taken.add(next);
    result.set(name, formatIp({ family, value: next }));
  }
  return result;
}

/**
 * A container's link-layer address, made from its IPv4 address (the habit of CNI's bridge), or from the end of its
 * IPv6 address: whoever gets an address again is found at once by neighbours that still remember its last owner.
 */
export function macOf(addresses: { readonly ipv4?: string; readonly ipv6?: string }): string {
  const { ipv4, ipv6 } = addresses;
  const number = BigInt.asUintN(32, parseIp(ipv4 ?? ipv6 ?? '')?.value ?? 0n);
  const octets = number.toString(16).padStart(8, '0').match(/../g) ?? [];
  // The two never meet on one bridge, though a network may change from one to the other.
  return ['0a', ipv4 === undefined ? '5a' : '58', ...octets].join(':');
}

/** The gateway's, the subnet's first (in IPv6 any router's, RFC 4291, 2.6.1), and IPv4's last, everybody's. */
function nobodysIn({ subnet, gateway }: AddressRequest): ReadonlySet<bigint> {
  return new Set([
    ...[subnet.base, gateway.value],
    ...(subnet.family === 'ipv4' ? [lastOfBlock(subnet).value] : []),
  ]);
}

function exhausted(name: string, subnet: Block, nobodys: number): CausewayError {
  const free = sizeOfBlock(subnet) - BigInt(nobodys);
  const all = free < 0n ? 0n : free;
  return new CausewayError(
    'exhausted',
    `choosing an ${FAMILY_NAMES[subnet.family]} address for container ${name}: ` +
      `all ${all} addresses of ${formatBlock(subnet)} are taken`,
  );
}
