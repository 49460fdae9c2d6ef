import { CHAIN_PREFIX } from '../../names.ts';
import { TABLES, type Table } from './part.ts';

/** What `iptables-save` says of our chains and of the ways into them. */
export interface Listing {
  /** By table, then by chain of ours: its rules without `-A CHAIN`, as listed. */
  readonly chains: ReadonlyMap<Table, ReadonlyMap<string, readonly string[]>>;
  /** Rules of other chains that lead to ours. */
  readonly jumps: readonly ListedJump[];
}

export interface ListedJump {
  readonly table: Table;
  readonly chain: string;
  readonly rule: string;
}

/** Reads the whole of `iptables-save`, or several outputs of it one after the other. Foreign lines are passed over. */
export function parseListing(text: string): Listing {
  const chains = new Map<Table, Map<string, string[]>>(TABLES.map((table) => [table, new Map()]));
  const jumps: ListedJump[] = [];
  let table: Table | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = TABLES.find((one) => one === line.slice(1).trim());
    else if (table === undefined) continue;
    else if (line.startsWith(`:${CHAIN_PREFIX}`)) chainOf(chains, table, line.slice(1).split(' ')[0] ?? '');
    else if (line.startsWith('-A ')) readRule(line, table, chains, jumps);
  }
  return { chains, jumps };
}

function readRule(
  line: string,
  table: Table,
  chains: ReadonlyMap<Table, Map<string, string[]>>,
  jumps: ListedJump[],
): void {
  const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
  if (chain.startsWith(CHAIN_PREFIX)) chainOf(chains, table, chain).push(rule);
  else if (targetOf(rule)?.startsWith(CHAIN_PREFIX)) jumps.push({ table, chain, rule });
}

function chainOf(chains: ReadonlyMap<Table, Map<string, string[]>>, table: Table, name: string): string[] {
  const inTable = chains.get(table);
  const known = inTable?.get(name) ?? [];
  inTable?.set(name, known);
  return known;
}

/** The chain or target that a rule leads to. A comment may hold `-j` too, hence the words. */
function targetOf(rule: string): string | undefined {
  const words = wordsOf(rule);
  const at = words.findLastIndex((word) => word === '-j' || word === '-g');
  return at === -1 ? undefined : words[at + 1];
}

/** A rule's words, those in quotes as one, without the quotes. */
function wordsOf(rule: string): string[] {
  return [...rule.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/**
 * A rule in the one form in which two texts of it are equal: quotes are optional in iptables-save, and the
 * kernel keeps a probability as a multiple of 2⁻³¹.
 */
export function normal(rule: string): string {
  const words = wordsOf(rule);
  return words
    .map((word, i) =>
      words[i - 1] === '--probability' ? String(Math.round(Number(word) * 2 ** 31)) : JSON.stringify(word),
    )
    .join(' ');
}
