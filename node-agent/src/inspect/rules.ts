import type { NetLine } from '@causeway/shared/model/net-stack';
import { CHAIN_PREFIX, NFT_TABLE, SET_PREFIXES } from '@causeway/shared/names';

const TABLE = /^table (\S+) (\S+) \{/;
/** What nft says of a table that the program iptables keeps: it is shown in the words of that. */
const OTHERS_TABLE = /^# Warning: table .* is managed by iptables-nft/;

/** PURE. Of `nft list ruleset`, all that nft itself keeps. */
export function nftLines(listing: string): readonly NetLine[] {
  const found: NetLine[] = [];
  let isLeftOut = false;
  let ours = false;
  for (const text of listing.split('\n')) {
    if (OTHERS_TABLE.test(text)) {
      isLeftOut = true;
      continue;
    }
    const table = TABLE.exec(text);
    if (table !== null) ours = table[2] === NFT_TABLE;
    const isEnd = text === '}';
    if (!isLeftOut && text.trim() !== '') found.push({ text: text.replaceAll('\t', '  '), ours });
    if (isEnd) isLeftOut = false;
  }
  return found;
}

const OUR_CHAIN = new RegExp(`(?:^|[\\s:])${CHAIN_PREFIX}`);
/** A chain that the kernel makes, and that does nothing. */
const IDLE_CHAIN = /^:\S+ ACCEPT /;

/** PURE. Of an `iptables-save`, the tables that do anything; without counters, which change with every packet. */
export function iptablesLines(save: string): readonly NetLine[] {
  return save.split(/^(?=\*)/m).flatMap((table) => {
    const lines = table
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && line !== 'COMMIT');
    const [head = '', ...rest] = lines;
    if (!head.startsWith('*') || rest.every((line) => IDLE_CHAIN.test(line))) return [];
    return lines.map((line) => ({ text: line.replace(/ \[\d+:\d+\]$/, ''), ours: OUR_CHAIN.test(line) }));
  });
}

const OUR_SET = new RegExp(`^\\S+ (?:${Object.values(SET_PREFIXES).join('|')})`);

/** PURE. Of an `ipset save`: the sets that rules of iptables look into, each with its elements. */
export function ipsetLines(save: string): readonly NetLine[] {
  const lines = save.split('\n').filter((line) => line !== '');
  return lines.map((text) => ({ text, ours: OUR_SET.test(text) }));
}
