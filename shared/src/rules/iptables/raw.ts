import type { FirewallIntent } from '../../desired/intent.ts';
import { chains } from '../names.ts';
import { safe } from '../safe.ts';
import { type Chain, comment, type Jump } from './part.ts';

/**
 * Docker drops there what comes to a container's address by another link than the container's bridge: so all that other
 * hosts send, where Docker gives its containers addresses of the container network.
 */
export const RAW_JUMP: Jump = {
  table: 'raw',
  chain: 'PREROUTING',
  rule: `${comment('causeway: to containers')} -j ${chains.prerouting}`,
};

export function rawAcceptance({ network, family }: FirewallIntent): Chain {
  const rule = `-d ${safe.cidr(network, family)} ${comment('to a container')} -j ACCEPT`;
  return { table: 'raw', name: chains.prerouting, rules: [rule] };
}
