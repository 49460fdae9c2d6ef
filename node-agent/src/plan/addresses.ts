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
  // The last first: with the first of a network the kernel removes the others of it.
  const wrong = present.filter((address) => !desired.includes(address)).toReversed();
  const cleared = wrong.filter((address) => desired.some((one) => sharesNetwork(one, address)));
  const isLost = (address: string) => takenAlong(address, cleared, present);
  const missing = desired.filter((address) => !present.includes(address) || isLost(address));
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

/** With the first address of a network the kernel removes the others of it (IPv4). */
function takenAlong(address: string, cleared: readonly string[], present: readonly string[]): boolean {
  if (address.includes(':')) return false;
  const [first] = present.filter((one) => networkOf(one) === networkOf(address));
  return first !== undefined && cleared.includes(first);
}

function sharesNetwork(a: string, b: string): boolean {
  const [block, ip] = [parseBlock(a), parseIp(b.split('/')[0] ?? '')];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}
