import { show } from '../errors.ts';
import { type Block, blockHasBlock, compareBlocks, formatBlock, isMapped, parseBlock } from '../net/block.ts';
import type { Family } from '../net/family.ts';

/** A list of CIDRs of both families, as a user gave it. */
export interface Cidrs {
  /** Sorted, none inside another. */
  readonly byFamily: Readonly<Record<Family, readonly Block[]>>;
  /** What was left out, each the end of a sentence. */
  readonly problems: readonly string[];
}

export function readCidrs(texts: readonly string[]): Cidrs {
  const problems: string[] = [];
  const blocks = texts.flatMap((text) => {
    const block = parseBlock(text);
    if (block !== undefined && !isMapped({ family: block.family, value: block.base })) return block;
    problems.push(`${show(text)} is left out: it is no CIDR`);
    return [];
  });
  const of = (family: Family) => widest(blocks.filter((block) => block.family === family));
  return { byFamily: { ipv4: of('ipv4'), ipv6: of('ipv6') }, problems };
}

/** Whether they are all addresses of the family. */
export function isEverything(blocks: readonly Block[]): boolean {
  return blocks[0]?.length === 0;
}

export function formatBlocks(blocks: readonly Block[]): readonly string[] {
  return blocks.map(formatBlock);
}

/** Blocks lie inside each other or apart: whoever is inside any of the sorted ones is inside the last that was kept. */
function widest(blocks: readonly Block[]): readonly Block[] {
  const kept: Block[] = [];
  for (const block of [...blocks].sort(compareBlocks)) {
    const last = kept.at(-1);
    if (last === undefined || !blockHasBlock(last, block)) kept.push(block);
  }
  return kept;
}
