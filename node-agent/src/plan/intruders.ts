import type { DesiredHost } from '@causeway/shared/desired/host';
import { blockAt, formatBlock, parseBlock } from '@causeway/shared/net/block';
import { subnetsOf } from './bridge.ts';
import type { ObservedRoute } from './observed.ts';
import { isOurs, routeText } from './routes.ts';
import { isTunnel } from './tunnels.ts';

/**
 * Sentences about routes of others that take packets away from containers: to this host's own subnet by another link,
 * or by way of one of the containers, or to a part of a peer's subnet by another way. They are left alone.
 */
export function intruders(desired: DesiredHost, observed: readonly ObservedRoute[]): readonly string[] {
  const { bridge, routes } = desired;
  // Of a tunnel also one that goes in this very plan, whose own address has a route of the kernel's.
  const foreign = observed.filter(
    (route) => !isOurs(route) && !isAttached(route, bridge.name) && !isTunnel(route.device),
  );
  if (foreign.length === 0) return [];
  const own = new Set(subnetsOf(bridge));
  const peers = new Map(routes.map((route) => [route.destination, route]));
  const lengths = lengthsOf([...own, ...peers.keys()]);
  return foreign.flatMap((route) => {
    const outer = enclosing(route.destination, lengths, (block) => own.has(block) || peers.has(block));
    if (outer === undefined) return [];
    if (own.has(outer))
      return [`attaching ${outer} to ${bridge.name}: another route leads there (${routeText(route)})`];
    const peer = peers.get(outer);
    const isSameWay =
      route.gateway === peer?.gateway && route.device === peer?.device && route.type === 'unicast';
    // One to the same destination is weighed against ours where our route is planned.
    if (outer === route.destination || isSameWay) return [];
    const told = `${routeText(route)}, protocol ${route.protocol}`;
    return [
      `leading to ${outer}: a route that is not ours leads a part of it elsewhere (${told}); it was left alone`,
    ];
  });
}

function isAttached({ type, gateway, device }: ObservedRoute, bridge: string): boolean {
  return type === 'unicast' && gateway === undefined && device === bridge;
}

function lengthsOf(blocks: readonly string[]): readonly number[] {
  const lengths = new Set(blocks.map((block) => Number(block.slice(block.indexOf('/') + 1))));
  return [...lengths].sort((a, b) => b - a);
}

/** The smallest block that is known and holds this destination. */
function enclosing(
  destination: string,
  lengths: readonly number[],
  isKnown: (block: string) => boolean,
): string | undefined {
  const block = parseBlock(destination);
  if (block === undefined) return undefined;
  const address = { family: block.family, value: block.base };
  return lengths
    .filter((length) => length <= block.length)
    .map((length) => formatBlock(blockAt(address, length)))
    .find(isKnown);
}
