/**
 * What iptables-nft makes of one rule, bytes at most: a comment alone takes 256, a program 528. Together they stay below
 * the 208 KiB of an ordinary socket.
 */
const RULE_BYTES = 900;
const PROGRAM_RULE_BYTES = 1_100;
const MAX_BYTES = 180_000;

/** Cuts a restore, made by this folder, between lines; each part names its table again. The order is kept. */
export function split(input: string): readonly string[] {
  const parts: string[] = [];
  for (const [whole, table = '', body = ''] of input.matchAll(/^(\*\w+)\n([\s\S]*?)^COMMIT$/gm))
    if (table === '*ipset') parts.push(`${whole}\n`);
    else
      for (const lines of chunksOf(body.trimEnd().split('\n')))
        parts.push([table, ...lines, 'COMMIT', ''].join('\n'));
  return parts;
}

function chunksOf(lines: readonly string[]): readonly (readonly string[])[] {
  const chunks: string[][] = [];
  let room = 0;
  for (const line of lines) {
    const bytes = line.includes(' --bytecode ') ? PROGRAM_RULE_BYTES : RULE_BYTES;
    if (room < bytes) {
      chunks.push([]);
      room = MAX_BYTES;
    }
    chunks.at(-1)?.push(line);
    room -= bytes;
  }
  return chunks;
}
