import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { PROTOCOLS } from '@causeway/shared/model/service';
import {
  type Block,
  blockAt,
  blockHasIp,
  formatBlock,
  parseBlock,
  parseIp,
} from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import { judgeOf } from '@causeway/shared/rules/judge';
import { RANGES } from '@causeway/shared/rules/ranges';
import type { Flow, FlowListing, FlowProtocol } from './flows.ts';
import type { Deletion } from './flows-deletions.ts';
import { createNames, exactly, type Name } from './refused-names.ts';

/** What policies have a say in. */
export const RULED: readonly FlowProtocol[] = [...PROTOCOLS, 'icmp'];

/** Whether a change of the policies can have left flows that are refused now. Pure. */
export function leavingRefused(from: FirewallIntent | undefined, to: FirewallIntent): boolean {
  return to.policies.length > 0 && from?.policies !== to.policies;
}

/**
 * The flows that stand and that policies refuse as they are: the rules see the first packet of each only. What the host
 * itself has begun passes them unasked, and limits are about new ones. Many are named at once, see `refused-names.ts`. Pure.
 */
export function refusedFlows(
  { flows, local, linkLocal }: FlowListing,
  intent: RuledIntent,
): readonly Deletion[] {
  const { policies, family, bridge } = intent;
  if (policies.length === 0 || flows.length === 0) return [];
  const isNameless = namelessOn(bridge, family, linkLocal);
  const judge = judgeOf(policies);
  const subjects = new Set(policies.flatMap((policy) => policy.subjects));
  const own = local.flatMap((text) => parseBlock(text) ?? []);
  const nameOf = createNames(intent, own);
  const found = collector();
  for (const same of byWay(flows)) {
    const [first] = same;
    // Nearly all flows of a host with few policies are of others.
    const isOurs = subjects.has(first.original.source) || subjects.has(first.reply.source);
    if ((!isOurs && !isNameless(first)) || isIn(own, first.original.source)) continue;
    if (judge(asked(first)) === 'refuse') found.add(same, nameOf);
    else if (isNameless(first)) found.add(same, exactly);
  }
  return found.all();
}

type RuledIntent = Pick<FirewallIntent, 'policies' | 'family' | 'bridge' | 'services' | 'serviceRange'>;
type Alike = readonly [Flow, ...Flow[]];

/** A flow's fate follows from who began it, what he asked for and where it leads. */
function byWay(flows: readonly Flow[]): readonly Alike[] {
  const ways = new Map<string, [Flow, ...Flow[]]>();
  for (const flow of flows) {
    const way = wayOf(flow);
    const same = ways.get(way);
    if (same === undefined) ways.set(way, [flow]);
    else same.push(flow);
  }
  return [...ways.values()];
}

/** Names what has no name yet, and counts what has. */
function collector() {
  interface Named {
    readonly name: Name;
    count: number;
  }
  /** By an end of theirs that is no block, and the lengths of the blocks that the others have there. */
  const ends = new Map<string, Set<number>>();
  const names = new Map<string, Named>();

  function namedBefore(flow: Flow): Named | undefined {
    return endsOf(flow).flatMap(({ end, other, port }) => {
      const ip = parseIp(other);
      const lengths = ip === undefined ? [] : (ends.get(end) ?? []);
      return [...lengths].flatMap((length) => {
        const block = ip === undefined ? '' : formatBlock(blockAt(ip, length));
        return names.get(`${end} ${block} `) ?? names.get(`${end} ${block} ${port}`) ?? [];
      });
    })[0];
  }
  function note(flow: Flow, name: Name): Named {
    const named = { name, count: 0 };
    const [to, from] = endsOf(flow);
    const isClients = name.reply.source !== undefined;
    const block = parseBlock((isClients ? name.original.source : name.original.destination) ?? '');
    const { end } = isClients ? to : from;
    const port = isClients ? name.reply.sourcePort : name.original.destinationPort;
    if (block === undefined) names.set(`${wayOf(flow)} exactly`, named);
    else {
      ends.set(end, (ends.get(end) ?? new Set()).add(block.length));
      names.set(`${end} ${formatBlock(block)} ${port ?? ''}`, named);
    }
    return named;
  }
  return {
    add: ([first, ...others]: Alike, nameOf: (flow: Flow) => Name) => {
      const named = namedBefore(first) ?? note(first, nameOf(first));
      named.count += 1 + others.length;
    },
    all: (): readonly Deletion[] => [...names.values()].map(({ name, count }) => ({ ...name, count })),
  };
}

/** As clients of a container are named, and as servers that a container asked for are. */
function endsOf({ protocol, original, reply }: Flow) {
  return [
    { end: `to ${protocol} ${reply.source}`, other: original.source, port: reply.sourcePort },
    {
      ...{ end: `from ${protocol} ${original.source}`, other: original.destination },
      port: original.destinationPort,
    },
  ] as const;
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

function isIn(blocks: readonly Block[], address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && blocks.some((block) => blockHasIp(block, ip));
}
