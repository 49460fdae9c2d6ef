import { CausewayError } from '../../errors.ts';
import { NFT_TABLE } from '../../names.ts';
import type { Family } from '../../net/family.ts';
import { WORDS } from './words.ts';

/** What `nft -j` says of our table, reduced to what drift compares. */
export interface Listing {
  /** Whether the table has flags: ours has none, and a dormant one does nothing. */
  readonly flagged: boolean;
  readonly chains: ReadonlyMap<string, ListedChain>;
  /** Maps and sets by name, their elements in our own notation. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface ListedChain {
  /** `nat prerouting -100 accept`; empty for a chain without a hook. */
  readonly hook: string;
  /** The rules' comments in order, `(no comment)` where there is none. */
  readonly comments: string[];
}

/** @returns undefined when the table does not exist. @throws CausewayError `unreadable` when it is no JSON of nft. */
export function parseListing(text: string, family: Family): Listing | undefined {
  if (text.trim() === '') return undefined;
  const chains = new Map<string, ListedChain>();
  const maps = new Map<string, Map<string, string>>();
  let [exists, flagged] = [false, false];
  for (const item of itemsOf(text)) {
    const [kind, body] = Object.entries(item)[0] ?? [];
    if (!isRecord(body)) continue;
    if (kind === 'table' && isOurs(body, 'name', family))
      [exists, flagged] = [true, body.flags !== undefined];
    else if (!isOurs(body, 'table', family)) continue;
    else if (kind === 'chain') chains.set(String(body.name), { hook: hookOf(body), comments: [] });
    else if (kind === 'rule')
      chains.get(String(body.chain))?.comments.push(String(body.comment ?? '(no comment)'));
    else if (kind === 'map' || kind === 'set') maps.set(String(body.name), elementsOf(body.elem));
  }
  return exists ? { flagged, chains, maps } : undefined;
}

type Json = Readonly<Record<string, unknown>>;

function itemsOf(text: string): readonly Json[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && Array.isArray(parsed.nftables)) return parsed.nftables.filter(isRecord);
  } catch (cause) {
    throw new CausewayError('unreadable', 'reading the kernel’s rules: nft listed no JSON', { cause });
  }
  throw new CausewayError('unreadable', 'reading the kernel’s rules: nft listed no `nftables` array');
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOurs(body: Json, field: 'name' | 'table', family: Family): boolean {
  return body.family === WORDS[family].ip && body[field] === NFT_TABLE;
}

function hookOf(chain: Json): string {
  if (chain.hook === undefined) return '';
  return [chain.type, chain.hook, chain.prio, chain.policy].map(String).join(' ');
}

function elementsOf(elements: unknown): Map<string, string> {
  const found = new Map<string, string>();
  if (!Array.isArray(elements)) return found;
  for (const element of elements) {
    if (Array.isArray(element)) found.set(textOf(element[0]), textOf(element[1]));
    else found.set(textOf(element), '');
  }
  return found;
}

/** Protocols are listed by number where /etc/protocols is missing; we cannot tell them from other numbers elsewhere. */
const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '132': 'sctp' };

/** One side of an element, or a part of it, as our own renderer writes it: `2.2.2.2 . tcp . 88`, `goto pick2`, `10.0.0.0/8`. */
function textOf(side: unknown): string {
  if (!isRecord(side)) return String(side);
  if (isRecord(side.elem)) return textOf(side.elem.val);
  if (isRecord(side.goto)) return `goto ${String(side.goto.target)}`;
  if (isRecord(side.jump)) return `jump ${String(side.jump.target)}`;
  if (isRecord(side.prefix)) return `${String(side.prefix.addr)}/${String(side.prefix.len)}`;
  if (Array.isArray(side.range)) return side.range.map(textOf).join('-');
  if ('drop' in side) return 'drop';
  if (!Array.isArray(side.concat)) return JSON.stringify(side);
  const parts = side.concat.map(textOf);
  const at = PROTOCOL_AT[parts.length]?.(parts);
  return parts.map((part, i) => (i === at ? (PROTOCOL_NUMBERS[part] ?? part) : part)).join(' . ');
}

/** Where the protocol stands in a concatenated key: first in NodePort keys, second in VIP keys and before a source. */
const PROTOCOL_AT: Readonly<Record<number, (parts: readonly string[]) => number | undefined>> = {
  2: (parts) => (isAddress(parts[0]) ? undefined : 0),
  3: (parts) => (isAddress(parts[0]) || isAddress(parts[2]) ? 1 : 0),
  4: () => 1,
};

function isAddress(part: string | undefined): boolean {
  return part !== undefined && /[.:]/.test(part);
}
