import type { Family } from '@causeway/shared/net/family';

/**
 * What a kernel does with new connections, read from what its own programs list, by nothing that the product is made
 * of. By front, `vip 2.2.2.2 tcp 88`, what becomes of connections to it: `10.10.1.2:80 0.667, 10.10.2.2:80 0.333`, or
 * `drop`.
 *
 * | front | connections |
 * |---|---|
 * | `vip ADDRESS PROTOCOL PORT` | to a VIP |
 * | `node PROTOCOL PORT` | to a NodePort |
 * | `outside PROTOCOL PORT` | to a NodePort of external policy `local`, from outside |
 * | `only vip …`, `only node …` | clients that may; there are none others |
 * | `live ADDRESS` | a VIP that refuses what no service has |
 * | `idle PROTOCOL PORT` | a NodePort that refuses |
 */
export type Fronts = ReadonlyMap<string, string>;

export interface Share {
  /** `10.10.1.2:80`, `[fd00::2]:80` */
  readonly place: string;
  readonly weight: number;
}

/** @param isAffine the client's address picks: shares are right on average only */
export function sharesText(shares: readonly Share[], isAffine: boolean): string {
  const sums = new Map<string, number>();
  for (const { place, weight } of shares) sums.set(place, (sums.get(place) ?? 0) + weight);
  const byClient = isAffine && sums.size > 1;
  const all = [...sums.values()].reduce((sum, weight) => sum + weight, 0);
  // The kernel keeps a probability as a multiple of 2⁻³¹: a hair's breadth keeps both sides of a rounding together.
  const told = [...sums].map(([place, n]) => (byClient ? place : `${place} ${(n / all + 1e-6).toFixed(3)}`));
  return `${byClient ? 'by client: ' : ''}${told.sort().join(', ')}`;
}

/** The places in what `sharesText` made. */
export function placesIn(text: string): readonly string[] {
  return text === 'drop' || text === ''
    ? []
    : text
        .replace('by client: ', '')
        .split(', ')
        .map((one) => one.split(' ')[0] ?? '');
}

export function placeText(address: string, port: string | number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** @param text `nft list ruleset` @throws Error when a service leads to a list of places that has gaps */
export function frontsOfNft(text: string, family: Family): Fronts {
  const maps = mapsOfNft(text, family === 'ipv4' ? 'ip' : 'ip6');
  const fronts = new Map<string, string>();
  for (const [map, kind] of VERDICTS)
    for (const element of maps.get(map) ?? []) {
      const [key = '', verdict = ''] = element.split(' : ');
      fronts.set(`${kind} ${words(key)}`, verdict === 'drop' ? verdict : picked(key, verdict, maps));
    }
  for (const key of maps.get('vips') ?? []) fronts.set(`live ${key}`, '');
  for (const key of maps.get('idle-node-ports') ?? []) fronts.set(`idle ${words(key)}`, '');
  addSources(maps, fronts);
  return fronts;
}

const VERDICTS = [
  ['services', 'vip'],
  ['node-ports', 'node'],
  ['outside-node-ports', 'outside'],
] as const;

function words(key: string): string {
  return key.replaceAll(' . ', ' ');
}

/** By map or set of our table, its elements as listed. */
function mapsOfNft(text: string, table: string): ReadonlyMap<string, readonly string[]> {
  const [, body = ''] = text.split(new RegExp(`^table ${table} causeway \\{$`, 'm'));
  const [own = ''] = body.split(/^\}$/m);
  const found = new Map<string, readonly string[]>();
  for (const [, name = '', elements = ''] of own.matchAll(/^\t(?:map|set) (\S+) \{[^}]*?= \{([^}]*)\}/gm))
    found.set(
      name,
      elements.split(',').map((one) => one.trim()),
    );
  return found;
}

const indexes = new WeakMap<
  ReadonlyMap<string, readonly string[]>,
  Map<string, ReadonlyMap<string, string>>
>();

/** An index of one map's elements, made once per listing. */
function indexOf(maps: ReadonlyMap<string, readonly string[]>, map: string): ReadonlyMap<string, string> {
  const known = indexes.get(maps) ?? new Map<string, ReadonlyMap<string, string>>();
  indexes.set(maps, known);
  const index =
    known.get(map) ?? new Map((maps.get(map) ?? []).map((one) => one.split(' : ') as [string, string]));
  known.set(map, index);
  return index;
}

function picked(key: string, verdict: string, maps: ReadonlyMap<string, readonly string[]>): string {
  const map = verdict.replace(/^goto /, '');
  const byClient = map.endsWith('affine');
  const length = byClient ? 256 : Number(/\d+$/.exec(map)?.[0]);
  const index = indexOf(maps, map);
  const shares = Array.from({ length }, (_, bucket): Share => {
    const place = index.get(`${key} . ${bucket}`);
    // A packet that draws this bucket goes nowhere.
    if (place === undefined) return { place: `(no bucket ${bucket} of ${length})`, weight: 1 };
    const [address = '', port = ''] = place.split(' . ');
    return { place: placeText(address, port), weight: 1 };
  });
  return sharesText(shares, byClient);
}

function addSources(maps: ReadonlyMap<string, readonly string[]>, fronts: Map<string, string>): void {
  const ranges = new Map<string, string[]>();
  const add = (front: string, ...range: string[]) =>
    ranges.set(front, [...(ranges.get(front) ?? []), ...range]);
  for (const key of maps.get('restricted') ?? []) add(`only vip ${words(key)}`);
  for (const key of maps.get('restricted-node-ports') ?? []) add(`only node ${words(key)}`);
  for (const key of maps.get('sources') ?? []) {
    const [address = '', protocol = '', port = '', range = ''] = key.split(' . ');
    add(`only vip ${address} ${protocol} ${port}`, range);
  }
  for (const key of maps.get('node-sources') ?? []) {
    const [port = '', protocol = '', range = ''] = key.split(' . ');
    add(`only node ${protocol} ${port}`, range);
  }
  for (const [front, all] of ranges) fronts.set(front, all.sort().join(' '));
}

/**
 * Of iptables only where connections lead is read; who is refused or dropped is not.
 *
 * @param text `iptables-save -t nat`, of one family
 */
export function frontsOfIptables(text: string): Fronts {
  const chains = new Map<string, string[]>();
  for (const [, chain = '', rule = ''] of text.matchAll(/^-A (CWY-\S+) (.*)$/gm))
    chains.set(chain, [...(chains.get(chain) ?? []), rule]);
  const fronts = new Map<string, string>();
  for (const rule of chains.get('CWY-SERVICES') ?? []) {
    const [, vip, protocol, port, target = ''] =
      /^-d ([^/ ]+)\/\d+ -p (\w+) .*--dport (\d+) -j (\S+)$/.exec(rule) ?? [];
    if (vip !== undefined) fronts.set(`vip ${vip} ${protocol} ${port}`, pickedBy(target, chains));
  }
  for (const rule of chains.get('CWY-NODEPORTS') ?? []) {
    const [, protocol, port, target = ''] = /^-p (\w+) .*--dport (\d+) -j (\S+)$/.exec(rule) ?? [];
    const targets = (chains.get(target) ?? []).map((one) => / -j (\S+)$/.exec(one)?.[1] ?? '');
    const all = target.startsWith('CWY-EXT-') ? (targets[0] ?? '') : target;
    fronts.set(`node ${protocol} ${port}`, pickedBy(all, chains));
    const here = targets.find((one) => one.startsWith('CWY-SVL-'));
    if (all !== target)
      fronts.set(`outside ${protocol} ${port}`, here === undefined ? 'drop' : pickedBy(here, chains));
  }
  return fronts;
}

function pickedBy(chain: string, chains: ReadonlyMap<string, readonly string[]>): string {
  const rules = chains.get(chain) ?? [];
  const here = rules.map((rule) => / -j (CWY-SVL-\S+)$/.exec(rule)?.[1]).find((one) => one !== undefined);
  if (here !== undefined) return pickedBy(here, chains);
  const shares: Share[] = [];
  let rest = 1;
  for (const rule of rules) {
    const endpoint = / -j (CWY-SEP-\S+)$/.exec(rule)?.[1];
    if (endpoint === undefined) continue;
    const part = Number(/--probability ([\d.]+)/.exec(rule)?.[1] ?? 1);
    const place = (chains.get(endpoint) ?? [])
      .map((one) => /--to-destination (\S+)$/.exec(one)?.[1])
      .find((one) => one !== undefined);
    shares.push({ place: place ?? `(nothing in ${endpoint})`, weight: rest * part });
    rest -= rest * part;
  }
  return sharesText(
    shares,
    rules.some((rule) => rule.includes('-m bpf')),
  );
}
