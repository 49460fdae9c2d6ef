import { CHAIN_PREFIX } from '../../names.ts';
import { TABLES, type Table } from './part.ts';
import { type ListedSets, readSets } from './sets.ts';

/** What `iptables-save` says of our chains and of the ways into them. */
export interface Listing {
  /** By table, then by chain of ours: its rules without `-A CHAIN`, as listed. */
  readonly chains: ReadonlyMap<Table, ReadonlyMap<string, readonly string[]>>;
  /** Rules of other chains that lead to ours. */
  readonly jumps: readonly ListedJump[];
  /** Other chains with rules that do not lead to ours: `filter FORWARD`. */
  readonly foreign: ReadonlySet<string>;
  /** By table and chain of the kernel: `ACCEPT` or `DROP`. */
  readonly policies: ReadonlyMap<string, string>;
  readonly sets: ListedSets;
}

export interface ListedJump {
  readonly table: Table;
  readonly chain: string;
  readonly rule: string;
  /** Whether a rule of others stands before it in its chain. */
  readonly late: boolean;
}

interface Reading {
  readonly chains: Map<Table, Map<string, string[]>>;
  readonly jumps: ListedJump[];
  readonly foreign: Set<string>;
  readonly policies: Map<string, string>;
}

/** Reads the whole of `iptables-save`, or several outputs of it one after the other. */
export function parseListing(text: string): Listing {
  const chains = new Map<Table, Map<string, string[]>>(TABLES.map((table) => [table, new Map()]));
  const reading: Reading = { chains, jumps: [], foreign: new Set(), policies: new Map() };
  let table: Table | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = TABLES.find((one) => one === line.slice(1).trim());
    else if (table === undefined) continue;
    else if (line.startsWith(':')) readChain(line, table, reading);
    else if (line.startsWith('-A ')) readRule(line, table, reading);
  }
  return { ...reading, sets: readSets(text) };
}

function readChain(line: string, table: Table, { chains, policies }: Reading): void {
  const [name = '', policy = ''] = line.slice(1).split(' ');
  if (name.startsWith(CHAIN_PREFIX)) chainOf(chains, table, name);
  else if (policy !== '-') policies.set(`${table} ${name}`, policy);
}

function readRule(line: string, table: Table, { chains, jumps, foreign }: Reading): void {
  const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
  const key = `${table} ${chain}`;
  if (chain.startsWith(CHAIN_PREFIX)) chainOf(chains, table, chain).push(rule);
  else if (targetOf(rule)?.startsWith(CHAIN_PREFIX))
    jumps.push({ table, chain, rule, late: foreign.has(key) });
  else foreign.add(key);
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
