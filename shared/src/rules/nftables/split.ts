/** Elements in one transaction: at about 60 bytes each, 2,000 stay below the 208 KiB of an ordinary socket. */
const MAX_ELEMENTS = 2_000;

/**
 * Cuts nft's input, made by this folder, between elements. The base of table and chains stays whole and comes
 * first; the order is kept.
 */
export function split(input: string): readonly string[] {
  const parts: string[][] = [[]];
  let room = MAX_ELEMENTS;
  for (const { head, elements } of statementsOf(input)) {
    if (elements === undefined) parts.at(-1)?.push(head);
    for (let rest = elements ?? []; rest.length > 0; ) {
      if (room === 0) {
        parts.push([]);
        room = MAX_ELEMENTS;
      }
      const taken = rest.slice(0, room);
      parts.at(-1)?.push(`${head}\n${taken.join(',\n')}\n}`);
      room -= taken.length;
      rest = rest.slice(taken.length);
    }
  }
  return parts.map((lines) => `${lines.join('\n')}\n`);
}

interface Statement {
  readonly head: string;
  /** Without their commas; absent when the statement is a line of anything else. */
  readonly elements?: readonly string[];
}

function statementsOf(input: string): readonly Statement[] {
  const found: Statement[] = [];
  let elements: string[] | undefined;
  for (const line of input.trimEnd().split('\n')) {
    if (/^(add|delete) element .* \{$/.test(line)) {
      elements = [];
      found.push({ head: line, elements });
    } else if (elements === undefined) found.push({ head: line });
    else if (line === '}') elements = undefined;
    else elements.push(line.replace(/,$/, ''));
  }
  return found;
}
