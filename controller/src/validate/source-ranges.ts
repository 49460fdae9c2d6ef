import { invalid } from '@causeway/shared/errors';
import { formatBlock, isMapped, parseBlock, parseIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';

/**
 * Checks the CIDRs of the clients that may connect.
 *
 * @param families those that the service is served in
 * @returns each in its canonical form
 * @throws CausewayError `invalid`
 */
export function checkSourceRanges(texts: readonly string[], families: readonly Family[]): readonly string[] {
  const seen = new Map<string, number>();
  return texts.map((text, index) => {
    const field = `sourceRanges[${index}]`;
    const block = parseBlock(text);
    if (block === undefined) {
      const ip = parseIp(text);
      const hint =
        ip === undefined ? '' : `; a single client is "${text}/${ip.family === 'ipv4' ? 32 : 128}"`;
      throw invalid(field, text, `is not a network such as "203.0.113.0/24"${hint}`);
    }
    if (isMapped({ family: block.family, value: block.base }))
      throw invalid(field, text, 'is IPv4 in the words of IPv6: write it as IPv4');
    if (!families.includes(block.family)) {
      const served = families.map((family) => FAMILY_NAMES[family]).join(' and ');
      throw invalid(
        field,
        text,
        `is of ${FAMILY_NAMES[block.family]}, and the service is served in ${served} only`,
      );
    }
    const canonical = formatBlock(block);
    const first = seen.get(canonical);
    if (first !== undefined) throw invalid(field, text, `is that of sourceRanges[${first}] already`);
    seen.set(canonical, index);
    return canonical;
  });
}
