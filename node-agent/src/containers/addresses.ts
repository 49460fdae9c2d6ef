import { CausewayError, invalid } from '@causeway/shared/errors';
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
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';

export interface AddressRequest {
  readonly subnet: Block;
  /** The bridge's address: nobody else's. */
  readonly gateway: Ip;
  /** What containers have on this host in this family, by name; also of those that are about to go. */
  readonly held: ReadonlyMap<string, string>;
  /** Names that need an address. */
  readonly wanted: readonly string[];
  /** Addresses that users chose for some of them, by name. */
  readonly wished?: ReadonlyMap<string, string>;
}

/**
 * PURE. An address for each wanted name: the one that was chosen for it, the one that it holds if that is still good,
 * else the lowest free one. Of two that hold the same address the first by name keeps it; nobody is moved for an
 * address that another wishes for.
 *
 * @returns by name, an address or the error that says why there is none
 */
export function assignAddresses(request: AddressRequest): Map<string, string | CausewayError> {
  const { subnet, held, wished = new Map<string, string>() } = request;
  const { family } = subnet;
  const nobodys = nobodysIn(request);
  const wanted = new Set(request.wanted);
  const result = new Map<string, string | CausewayError>();
  const taken = new Map<bigint, string>([...nobodys].map(([value, whose]) => [value, whose]));
  for (const name of [...held.keys()].sort()) {
    const ip = parseIp(held.get(name) ?? '');
    if (ip === undefined || !blockHasIp(subnet, ip) || taken.has(ip.value) || leaves(name, ip)) continue;
    taken.set(ip.value, `container ${name}`);
    if (wanted.has(name)) result.set(name, formatIp(ip));
  }
  for (const name of wanted) {
    const wish = wished.get(name);
    if (wish === undefined || result.has(name)) continue;
    const ip = parseIp(wish);
    const fault = wishFault(wish, ip, subnet, taken);
    if (ip !== undefined && fault === undefined) taken.set(ip.value, `container ${name}`);
    result.set(name, fault ?? formatIp({ family, value: ip?.value ?? 0n }));
  }
  let next = subnet.base + 1n;
  for (const name of wanted) {
    if (result.has(name)) continue;
    while (taken.has(next)) next++;
    if (next > lastOfBlock(subnet).value) {
      result.set(name, exhausted(name, subnet, nobodys.size));
      continue;
    }
    taken.set(next, `container ${name}`);
    result.set(name, formatIp({ family, value: next }));
  }
  return result;

  /** Whoever wishes for another address gives up the one that it has. */
  function leaves(name: string, ip: Ip): boolean {
    const wish = wanted.has(name) ? wished.get(name) : undefined;
    return wish !== undefined && parseIp(wish)?.value !== ip.value;
  }
}

/** The field of `ContainerSpec` that users choose an address by. */
export const WISH_FIELDS: Readonly<Record<Family, string>> = {
  ipv4: 'network.address',
  ipv6: 'network.ipv6Address',
};

function wishFault(
  wish: string,
  ip: Ip | undefined,
  subnet: Block,
  taken: ReadonlyMap<bigint, string>,
): CausewayError | undefined {
  const field = WISH_FIELDS[subnet.family];
  if (ip === undefined || !blockHasIp(subnet, ip))
    return invalid(
      field,
      wish,
      `is not in ${formatBlock(subnet)}, the ${FAMILY_NAMES[subnet.family]} subnet of its host`,
    );
  const whose = taken.get(ip.value);
  if (whose === undefined) return undefined;
  const { message } = invalid(field, wish, `is taken: it is that of ${whose}`);
  return new CausewayError('conflict', message, { field, value: wish });
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
function nobodysIn({ subnet, gateway }: AddressRequest): ReadonlyMap<bigint, string> {
  return new Map([
    [subnet.base, subnet.family === 'ipv4' ? 'the subnet itself' : 'every router of the subnet'],
    ...(subnet.family === 'ipv4'
      ? [[lastOfBlock(subnet).value, 'all hosts of the subnet (broadcast)'] as const]
      : []),
    [gateway.value, 'the gateway, the host’s bridge'],
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
