import { blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import type { Flow, FlowProtocol, Tuple } from './flows.ts';

/** Names flows by what is said of them; what is not said may be anything. Original addresses may be CIDRs. */
export interface Deletion {
  readonly protocol: FlowProtocol;
  readonly original: Partial<Tuple>;
  readonly reply: Partial<Tuple>;
  /** How many of the listed ones it names. */
  readonly count: number;
}

/**
 * Names all flows that are stale and none of the others, in few words: whoever removes flows may have to read the whole
 * table for each deletion. Whether a flow is stale follows from where it goes and where it leads, so that all which have
 * both in common are named at once, from whichever client they come, also those that were not listed yet. Only where one
 * of them is not stale, since somebody answers it, is each of the others named by everything that is known of it. Pure.
 *
 * @param flows all that were listed
 * @param stale some of these, the same objects
 */
export function deletionsOf(flows: readonly Flow[], stale: readonly Flow[]): readonly Deletion[] {
  // Mostly nothing is, and a busy router has a million flows.
  if (stale.length === 0) return [];
  const isMeant = new Set(stale);
  const ways = new Map<string, Flow[]>();
  for (const flow of stale) {
    const way = wayOf(flow);
    const same = ways.get(way);
    if (same === undefined) ways.set(way, [flow]);
    else same.push(flow);
  }
  const mixed = new Set(flows.filter((flow) => !isMeant.has(flow)).map(wayOf));
  return [...ways].flatMap(([way, same]) => {
    if (mixed.has(way))
      return same.map(({ protocol, original, reply }) => ({ protocol, original, reply, count: 1 }));
    const [first] = same;
    return first === undefined ? [] : [alike(first, same.length)];
  });
}

/** Whether a deletion names a flow. Pure. */
export function isNamed({ protocol, original, reply }: Deletion, flow: Flow): boolean {
  return protocol === flow.protocol && agrees(original, flow.original) && agrees(reply, flow.reply);
}

function agrees({ source, destination, sourcePort, destinationPort }: Partial<Tuple>, tuple: Tuple): boolean {
  return (
    (sourcePort ?? tuple.sourcePort) === tuple.sourcePort &&
    (destinationPort ?? tuple.destinationPort) === tuple.destinationPort &&
    covers(source, tuple.source) &&
    covers(destination, tuple.destination)
  );
}

function covers(said: string | undefined, address: string): boolean {
  if (said === undefined || said === address) return true;
  const [block, ip] = [parseBlock(said), parseIp(address)];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}

function wayOf({ protocol, original, reply }: Flow): string {
  return `${protocol} ${original.destination} ${original.destinationPort} ${reply.source} ${reply.sourcePort}`;
}

function alike({ protocol, original, reply }: Flow, count: number): Deletion {
  const { destination, destinationPort } = original;
  const { source, sourcePort } = reply;
  return { protocol, original: { destination, destinationPort }, reply: { source, sourcePort }, count };
}
