import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
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

it('changes rules by a program that dies with this process', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-tools-'));
  const told = join(directory, 'told');
  for (const program of ['nft', 'ip6tables-nft-restore'])
    writeFileSync(join(directory, program), `#!/bin/sh\nexec setpriv --dump >>${told}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  vi.resetModules();
  const { applyFirewall } = await import('./firewall-tools.ts');
  const settled = () => () => undefined;
  await applyFirewall({ tool: 'nft', family: 'ipv4', input: '' }, () => [], settled);
  await applyFirewall({ tool: 'iptables-nft', family: 'ipv6', input: '' }, () => [], settled);
  expect(readFileSync(told, 'utf8').match(/^Parent death signal: KILL$/gm)).toHaveLength(2);
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});
