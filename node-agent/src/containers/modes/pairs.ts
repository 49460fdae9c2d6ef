import { createHash } from 'node:crypto';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { LINK_PREFIX } from '@causeway/shared/names';
import { bitsOf } from '@causeway/shared/net/block';
import { type ByFamily, entriesOf, type Family } from '@causeway/shared/net/family';
import { run } from '@causeway/shared/programs/run';
import type { Fault, World } from '../connection.ts';
import { placeOf } from '../places.ts';
import { ipBatch, ipBatchIn } from './batch.ts';
import { type InsideFacts, lookInside } from './inside-facts.ts';
import { netnsNames } from './names.ts';
import { pointedOf, targetFault } from './targets.ts';

/** One end of a point-to-point link. */
export interface End {
  readonly name: string;
  /** Inside of the container. */
  readonly link: string;
  readonly addresses: ByFamily<string>;
}

/** A veth pair between two containers: host addresses at both ends, a route to each other, and nothing else. */
export type Pair = readonly [End, End];

/**
 * PURE. The links that this container has a part in. Two that name each other have one link, `eth0` at both ends; else
 * it is `eth0` where it was asked for, and has a name of its own at the other end, which may have an `eth0` as well.
 */
export function pairsOf(name: string, world: Pick<World, 'specs' | 'addresses'>): readonly Pair[] {
  const pointed = pointedOf(world.specs.filter((spec) => targetFault(spec, world.specs) === undefined));
  const mutual = (a: string, b: string) =>
    pointed.some((one) => one.name === b && one.mode.peer === a) &&
    pointed.some((one) => one.name === a && one.mode.peer === b);
  const end = (of: string, link: string): End => ({
    name: of,
    link,
    addresses: world.addresses.get(of) ?? {},
  });
  return pointed
    .filter((one) => one.name === name || one.mode.peer === name)
    .filter((one) => !mutual(one.name, one.mode.peer) || one.name < one.mode.peer)
    .map(({ name: asker, mode: { peer } }) => [
      end(asker, 'eth0'),
      end(peer, mutual(asker, peer) ? 'eth0' : farLinkOf(asker)),
    ]);
}

/** A link's name has at most 15 characters: a hash stands for the container at the other end. */
export function farLinkOf(asker: string): string {
  return `${LINK_PREFIX}p${createHash('sha1').update(asker).digest('hex').slice(0, 10)}`;
}

/** What is wrong with the links of one that runs. */
export function pairFault(spec: ContainerSpec, world: World): Fault | undefined {
  const faults = pairsOf(spec.name, world).map((pair): Fault | undefined => {
    const other = pair[0].name === spec.name ? pair[1] : pair[0];
    const pids = pair.map((end) => world.observed.running.get(end.name)?.pid);
    if (pids.some((pid) => pid === undefined)) {
      const isAsked = spec.network?.kind === 'p2p' && spec.network.peer === other.name;
      // Whoever is only asked for a link misses nothing.
      return isAsked ? { why: `its peer ${other.name} does not run`, cure: 'wait' } : undefined;
    }
    const [near, far] = pids.map((pid) => lookInside(pid ?? 0));
    if (near === undefined || far === undefined || isWhole(pair, [near, far])) return undefined;
    return { why: `its link to ${other.name} is not whole`, cure: 'repair' };
  });
  const found = faults.filter((fault) => fault !== undefined);
  return found.find(({ cure }) => cure === 'repair') ?? found[0];
}

/** PURE. Both ends are there and up, with a route to each other's addresses. */
export function isWhole(pair: Pair, inside: readonly [InsideFacts, InsideFacts]): boolean {
  return inside.every(({ links, routes }, i) => {
    const near = pair[i];
    const far = pair[1 - i];
    if (near === undefined || far === undefined || !links.has(near.link)) return false;
    return common(near, far).every(([, , to]) => routes.has(`${near.link} ${host(to)}`));
  });
}

/** Families that both ends have an address of. */
function common(near: End, far: End): readonly (readonly [Family, from: string, to: string])[] {
  return entriesOf(near.addresses).flatMap(([family, from]) => {
    const to = far.addresses[family];
    return to === undefined ? [] : [[family, from, to] as const];
  });
}

function host(address: string): string {
  return `${address}/${bitsOf(address.includes(':') ? 'ipv6' : 'ipv4')}`;
}

/** What became of point-to-point links in one world, by `keyOf`. */
interface Made {
  /** Makes under way: both ends may be about to make the same one. */
  readonly underWay: Map<string, Promise<void>>;
  /** How often a container got a new namespace, with which its ends of links went. */
  readonly namespaces: Map<string, number>;
  /** The namespaces that a pair was made between, as told above. */
  readonly between: Map<string, string>;
}

const madeIn = new WeakMap<World, Made>();

function keyOf(pair: Pair): string {
  return pair.map((end) => end.name).join(' ');
}

function madeOf(world: World): Made {
  const made = madeIn.get(world) ?? { underWay: new Map(), namespaces: new Map(), between: new Map() };
  madeIn.set(world, made);
  return made;
}

/**
 * Makes the links of a container whose other ends have their namespaces already; those that come later make theirs
 * themselves. What is whole stays untouched.
 *
 * @param fresh its namespace was made just now
 */
export async function makePairs(name: string, world: World, fresh: boolean): Promise<void> {
  const { underWay, namespaces } = madeOf(world);
  if (fresh) namespaces.set(name, (namespaces.get(name) ?? 0) + 1);
  for (const pair of pairsOf(name, world)) {
    const key = keyOf(pair);
    const before = underWay.get(key) ?? Promise.resolve();
    const made = before.catch(() => undefined).then(() => makePair(name, pair, world));
    underWay.set(key, made);
    try {
      await made;
    } finally {
      if (underWay.get(key) === made) underWay.delete(key);
    }
  }
}

async function makePair(name: string, pair: Pair, world: World): Promise<void> {
  const [near, far] = pair.map((end) => lookInside(world.observed.running.get(end.name)?.pid ?? 0));
  if (near !== undefined && far !== undefined && isWhole(pair, [near, far])) return;
  const { namespaces, between } = madeOf(world);
  const key = keyOf(pair);
  const these = pair.map((end) => namespaces.get(end.name) ?? 0).join(' ');
  // Of two that are started together the other one has made it, and may be using it.
  if (between.get(key) === these) return;
  const present = await netnsNames();
  const netns = pair.map((end) => placeOf(world.layout, end.name).netns);
  const [nearNetns = '', farNetns = ''] = netns;
  if (!netns.every((one) => present.has(one))) return;
  const [one, other] = pair;
  // Half of it, or a former one, may be there: either end takes the other along.
  for (const [i, end] of pair.entries())
    await run('ip', ['-n', netns[i] ?? '', 'link', 'delete', 'dev', end.link], {
      ...{ okCodes: [1], doing: `connecting ${name}` },
    });
  await ipBatch(name, [
    `link add dev ${one.link} netns ${nearNetns} type veth peer name ${other.link} netns ${farNetns}`,
  ]);
  await ipBatchIn(nearNetns, name, endLines(one, other));
  await ipBatchIn(farNetns, name, endLines(other, one));
  between.set(key, these);
}

function endLines(near: End, far: End): readonly string[] {
  return [
    'link set dev lo up',
    ...entriesOf(near.addresses).map(
      ([family, address]) =>
        `address replace ${host(address)} dev ${near.link}${family === 'ipv6' ? ' nodad' : ''}`,
    ),
    `link set dev ${near.link} up`,
    ...common(near, far).map(([, from, to]) => `route replace ${host(to)} dev ${near.link} src ${from}`),
  ];
}
