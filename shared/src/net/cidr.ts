import IPCIDR from 'ip-cidr';

/**
 * IPv4 CIDR maths on plain numbers (0 … 2³²−1). The only import of ip-cidr is here, for parsing at the edges;
 * everything else is arithmetic, so that hot paths create no objects.
 */
export interface Cidr {
  /** The network's first address, host bits zero. */
  readonly base: number;
  /** Prefix length, 0–32. */
  readonly length: number;
}

const [ZERO, NINE, DOT] = [0x30, 0x39, 0x2e];
/** Of an octet that has no digit yet. */
const EMPTY = -1;

/**
 * Read character by character: every rule of every service has an address.
 *
 * @returns the address as a number, or undefined unless it is four decimal octets without leading zeros.
 */
export function parseAddress(text: string): number | undefined {
  let address = 0;
  let octets = 1;
  let octet = EMPTY;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet === EMPTY || octets === 4) return undefined;
      address = address * 256 + octet;
      octet = EMPTY;
      octets += 1;
      continue;
    }
    if (code < ZERO || code > NINE || octet === 0) return undefined;
    octet = octet === EMPTY ? code - ZERO : octet * 10 + code - ZERO;
    if (octet > 255) return undefined;
  }
  return octets === 4 && octet !== EMPTY ? address * 256 + octet : undefined;
}

export function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Sets the host bits to zero. */
export function maskTo(address: number, length: number): number {
  return length === 0 ? 0 : (address & (0xffffffff << (32 - length))) >>> 0;
}

/** @returns the block with its host bits masked (flannel masks `Network` too), or undefined when it is no IPv4 CIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, length, ...rest] = text.split('/');
  if (rest.length > 0 || address === undefined || length === undefined) return undefined;
  if (parseAddress(address) === undefined || !/^\d{1,2}$/.test(length) || !IPCIDR.isValidCIDR(text))
    return undefined;
  const parsed = new IPCIDR(text);
  const base = parseAddress(String(parsed.start()));
  return base === undefined ? undefined : { base, length: Number(length) };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.base)}/${cidr.length}`;
}

export function containsAddress(cidr: Cidr, address: number): boolean {
  return maskTo(address, cidr.length) === cidr.base;
}

export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return inner.length >= outer.length && containsAddress(outer, inner.base);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}
