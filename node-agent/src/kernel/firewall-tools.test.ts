import { describe, expect, it } from 'vitest';
import { uncommitted } from './firewall-tools.ts';

describe('what a kernel that refused a payload does not hold yet', () => {
  const mangle = '*mangle\n-I PREROUTING -j CWY-SOURCES\nCOMMIT\n';
  const nat = '*nat\n:CWY-SERVICES - [0:0]\n-A CWY-SERVICES -j RETURN\nCOMMIT\n';
  const filter = '*filter\n:CWY-VIPS - [0:0]\nCOMMIT\n';

  it.each([
    ['the first of its tables', 2, `${mangle}${nat}${filter}`],
    ['the second', 6, `${nat}${filter}`],
    ['the last', 9, filter],
  ])('begins with the table that was refused: %s', (_, line, rest) => {
    const complaint = `iptables-nft-restore: line ${line} failed: Message too long.\n`;
    expect(uncommitted(`${mangle}${nat}${filter}`, complaint)).toBe(rest);
  });

  it('is all of it where no line is named, or there are no tables', () => {
    expect(uncommitted(`${mangle}${nat}`, 'sendmsg() failed: Message too long')).toBe(`${mangle}${nat}`);
    const input = 'add table ip causeway\ndelete table ip causeway\n';
    expect(uncommitted(input, 'netlink: line 2 failed: Message too long')).toBe(input);
  });
});
