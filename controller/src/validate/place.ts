import { invalid, show } from '@causeway/shared/errors';
import { blockHasIp, formatBlock, formatIp, type Ip, lastOfBlock } from '@causeway/shared/net/block';
import type { ClusterFacts } from './cluster-facts.ts';

/**
 * Checks that something can answer at an address: it is no VIP, and somebody may have it.
 *
 * @param text as the user typed it
 * @throws CausewayError `invalid`
 */
export function checkPlace(field: string, text: string, ip: Ip, facts: ClusterFacts): void {
  const owner = facts.vipOwner(formatIp(ip));
  if (owner !== undefined)
    throw invalid(field, text, `is the VIP of service ${show(owner)}, not a place that answers`);
  const range = facts.serviceRanges[ip.family];
  if (range !== undefined && blockHasIp(range, ip))
    throw invalid(field, text, `is inside the service range ${formatBlock(range)}, where only VIPs are`);
  const network = facts.networks[ip.family];
  if (network === undefined || (ip.value !== network.base && ip.value !== lastOfBlock(network).value)) return;
  throw invalid(
    field,
    text,
    `is the first or last address of the container network ${formatBlock(network)}, which nobody has`,
  );
}
