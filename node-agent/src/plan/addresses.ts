import { blockHasIp, formatBlock, formatIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import type { Step } from './step.ts';

/** The block that an address with a prefix length is in: `10.10.1.1/24` → `10.10.1.0/24`. */
export function networkOf(address: string): string {
  const block = parseBlock(address);
  return block === undefined ? address : formatBlock(block);
}

/** The address alone, in canonical form: `10.10.1.1/24` → `10.10.1.1`. */
export function bareAddress(address: string): string {
  const text = address.split('/')[0] ?? '';
  const ip = parseIp(text);
  return ip === undefined ? text : formatIp(ip);
}

/**
 * Steps that give a link exactly these addresses. The link is ours alone: an address that it should not have is a
 * former subnet's, or somebody's mistake.
 *
 * @param present without link-local ones, which are the kernel's own
 */
export function planAddresses(
  link: string,
  desired: readonly string[],
  present: readonly string[],
): readonly Step[] {
  const wrong = present.filter((address) => !desired.includes(address));
  const cleared = wrong.filter((address) => desired.some((one) => sharesNetwork(one, address)));
  const missing = desired.filter((address) => !present.includes(address) || takenAlong(address, cleared));
  const step =
    (kind: 'address-clear' | 'address-add' | 'address-delete', text: string) => (address: string) => ({
      ...{ kind, link, address },
      text: text.replace('%', address),
    });
  return [
    ...cleared.map(step('address-clear', `remove address % from ${link}, which stands in our network`)),
    ...missing.map(step('address-add', `add address % to ${link}`)),
    ...wrong
      .filter((address) => !cleared.includes(address))
      .map(step('address-delete', `remove address % from ${link}`)),
  ];
}

/** Of the addresses of one network the kernel removes all others along with the first (IPv4). */
function takenAlong(address: string, cleared: readonly string[]): boolean {
  return !address.includes(':') && cleared.some((one) => networkOf(one) === networkOf(address));
}

function sharesNetwork(a: string, b: string): boolean {
  const [block, ip] = [parseBlock(a), parseIp(b.split('/')[0] ?? '')];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
