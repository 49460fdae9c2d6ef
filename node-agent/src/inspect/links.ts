import type { NetLine } from '@causeway/shared/model/net-stack';
import { BRIDGE_ALIAS, LINK_PREFIX } from '@causeway/shared/names';

/** A link of `ip -j -d link`, as far as it is told of. */
export interface ListedLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly ifalias?: string;
  readonly mtu?: number;
  readonly operstate?: string;
  readonly address?: string;
  readonly master?: string;
  /** The other end of a pair, or what it lies on: by name in this namespace, by number in another. */
  readonly link?: string | null;
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { readonly id?: number; readonly mode?: string; readonly local?: string };
  };
}

/** What else is known of a namespace's links. */
export interface LinkFacts {
  /** Names of namespaces, by the number that this one knows them by. */
  readonly namespaces: ReadonlyMap<number, string>;
  /** Names of links, as `ourLinks`. */
  readonly ours: ReadonlySet<string>;
}

/** PURE. */
export function parseLinks(json: string): readonly ListedLink[] {
  const listed: unknown = JSON.parse(json.trim() === '' ? '[]' : json);
  return Array.isArray(listed) ? listed.filter(isLink) : [];
}

/** PURE. A line for each link: `2: eth0  up  mtu 1500  0a:58:…  veth, the other end is 6 in cwy-web  on bridge cwy0`. */
export function linkLines(links: readonly ListedLink[], facts: LinkFacts): readonly NetLine[] {
  return links.map((link) => {
    const { ifindex, ifname, operstate = 'UNKNOWN', mtu, address, master } = link;
    const parts = [
      `${ifindex}: ${ifname}`,
      operstate.toLowerCase(),
      ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
      ...(address === undefined || ifname === 'lo' ? [] : [address]),
      ...kindOf(link, facts),
      ...(master === undefined ? [] : [`on bridge ${master}`]),
    ];
    return { text: parts.join('  '), ours: facts.ours.has(ifname) };
  });
}

/**
 * PURE. The names of the links that Causeway made: its bridge may have any name, and has an alias then.
 *
 * @param isContainer the namespace is a container's, and what leads out of it is ours
 */
export function ourLinks(links: readonly ListedLink[], isContainer: boolean): ReadonlySet<string> {
  const ours = links.filter(
    ({ ifname, ifalias }) =>
      ifname.startsWith(LINK_PREFIX) || ifalias === BRIDGE_ALIAS || (isContainer && ifname === 'eth0'),
  );
  return new Set(ours.map(({ ifname }) => ifname));
}

function kindOf(link: ListedLink, facts: LinkFacts): readonly string[] {
  const { info_kind: kind, info_data: data = {} } = link.linkinfo ?? {};
  if (kind === undefined) return [];
  const detail = [data.id === undefined ? '' : `VNI ${data.id}`, data.mode ?? '', otherEnd(link, facts)];
  return [[kind, ...detail.filter((text) => text !== '')].join(', ')];
}

function otherEnd({ link, link_index, link_netnsid, linkinfo }: ListedLink, facts: LinkFacts): string {
  const word = linkinfo?.info_kind === 'veth' ? 'the other end is' : 'over';
  if (typeof link === 'string') return `${word} ${link}`;
  if (link_index === undefined) return '';
  const where = link_netnsid === undefined ? undefined : facts.namespaces.get(link_netnsid);
  return `${word} ${link_index} in ${where ?? 'another namespace'}`;
}

function isLink(value: unknown): value is ListedLink {
  const { ifindex, ifname } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<ListedLink>;
  return typeof ifindex === 'number' && typeof ifname === 'string';
}

/** PURE. From `ip netns list-id`: `nsid 1 (iproute2 netns name: cwy-web-1)`. */
export function parseNamespaces(text: string): ReadonlyMap<number, string> {
  const found = [...text.matchAll(/^nsid (\d+) .*netns name: ([^)]+)\)/gm)];
  return new Map(found.map(([, id, name = '']) => [Number(id), name]));
}
