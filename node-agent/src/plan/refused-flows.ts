import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { PROTOCOLS } from '@causeway/shared/model/service';
import { type Block, blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import { judgeOf } from '@causeway/shared/rules/judge';
import { RANGES } from '@causeway/shared/rules/ranges';
import type { Flow, FlowListing, FlowProtocol } from './flows.ts';
import type { Deletion } from './flows-deletions.ts';

/** What policies have a say in. */
export const RULED: readonly FlowProtocol[] = [...PROTOCOLS, 'icmp'];

/** Whether a change of the policies can have left flows that are refused now. Pure. */
export function leavingRefused(from: FirewallIntent | undefined, to: FirewallIntent): boolean {
  return to.policies.length > 0 && from?.policies !== to.policies;
}

/**
 * The flows that stand and that policies refuse as they are: the rules see the first packet of each only. What the host
 * itself has begun passes them unasked, and limits are about new ones. A flow's fate follows from who began it, what he
 * asked for and where it leads, so that all which have these in common are named at once. Pure.
 */
export function refusedFlows(
  { flows, local, linkLocal }: FlowListing,
  { policies, family, bridge }: Pick<FirewallIntent, 'policies' | 'family' | 'bridge'>,
): readonly Deletion[] {
  if (policies.length === 0 || flows.length === 0) return [];
  const isNameless = namelessOn(bridge, family, linkLocal);
  const judge = judgeOf(policies);
  const subjects = new Set(policies.flatMap((policy) => policy.subjects));
  const own = local.flatMap((text) => parseBlock(text) ?? []);
  const isOwn = (address: string) => isIn(own, address);
  const ways = new Map<string, Flow[]>();
  for (const flow of flows) {
    // Nearly all flows of a host with few policies are of others.
    if (!subjects.has(flow.original.source) && !subjects.has(flow.reply.source) && !isNameless(flow))
      continue;
    const way = wayOf(flow);
    const same = ways.get(way);
    if (same === undefined) ways.set(way, [flow]);
    else same.push(flow);
  }
  return [...ways.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined || isOwn(first.original.source)) return [];
    if (judge(asked(first)) === 'accept' && !isNameless(first)) return [];
    return [namedAs(first, same.length)];
  });
}

/**
 * Containers whom no policy would know reach nobody, nor anybody them, once there are policies. The kernel does not say of a
 * flow on which link it is: what has an end at another link of the host's is not on the bridge, all else may be.
 */
function namelessOn(
  bridge: string,
  family: Family,
  linkLocal: FlowListing['linkLocal'],
): (flow: Flow) => boolean {
  const range = parseBlock(RANGES[family].linkLocal ?? '');
  if (range === undefined) return () => false;
  const elsewhere = linkLocal.flatMap(({ link, cidr }) => (link === bridge ? [] : (parseBlock(cidr) ?? [])));
  // Tens of thousands of flows have a few addresses.
  const known = new Map<string, { readonly nameless: boolean; readonly elsewhere: boolean }>();
  const endOf = (address: string) => {
    const end = known.get(address) ?? {
      nameless: isIn([range], address),
      elsewhere: isIn(elsewhere, address),
    };
    known.set(address, end);
    return end;
  };
  return ({ original, reply }) => {
    const ends = [endOf(original.source), endOf(reply.source)];
    return ends.some(({ nameless }) => nameless) && !ends.some((end) => end.elsewhere);
  };
}

function asked({ protocol, original, reply }: Flow) {
  const isTranslated = original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
  const ports = protocol !== 'icmp';
  return {
    ...{ protocol, source: original.source, destination: reply.source },
    ...(ports ? { port: reply.sourcePort } : {}),
    ...(isTranslated ? { askedFor: original.destination } : {}),
    ...(isTranslated && ports ? { askedForPort: original.destinationPort } : {}),
  };
}

function wayOf({ protocol, original, reply }: Flow): string {
  return [
    ...[protocol, original.source, original.destination, original.destinationPort],
    ...[reply.source, reply.sourcePort],
  ].join(' ');
}

function namedAs({ protocol, original, reply }: Flow, count: number): Deletion {
  const { source, destination, destinationPort } = original;
  if (protocol === 'icmp')
    return { protocol, original: { source, destination }, reply: { source: reply.source }, count };
  return {
    ...{ protocol, count },
    original: { source, destination, destinationPort },
    reply: { source: reply.source, sourcePort: reply.sourcePort },
  };
}

function isIn(blocks: readonly Block[], address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && blocks.some((block) => blockHasIp(block, ip));
}
