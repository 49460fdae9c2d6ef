/**
 * Lines in one restore: iptables-nft makes up to some 700 bytes of a rule (a comment alone takes 256), so 200
 * stay below the 208 KiB of an ordinary socket.
 */
const MAX_LINES = 200;

/** Cuts a restore, made by this folder, between lines; each part names its table again. The order is kept. */
export function split(input: string): readonly string[] {
  const parts: string[] = [];
  for (const [, table = '', body = ''] of input.matchAll(/^(\*\w+)\n([\s\S]*?)^COMMIT$/gm)) {
    const lines = body.trimEnd().split('\n');
    for (let i = 0; i < lines.length; i += MAX_LINES)
      parts.push([table, ...lines.slice(i, i + MAX_LINES), 'COMMIT', ''].join('\n'));
  }
  return parts;
}
