import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { intentOf } from '../../../test/support/intents.ts';

/** Programs in place of the host's own: no rules are there. */
const PROGRAMS = {
  nft: 'echo "No such file or directory" >&2; exit 1',
  ...Object.fromEntries(
    ['iptables', 'ip6tables'].flatMap((one) => [
      [`${one}-nft-save`, ''],
      [`${one}-legacy-save`, ''],
    ]),
  ),
};

let directory: string;
const install = (program: string, script: string) =>
  writeFileSync(join(directory, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-programs-'));
  for (const [program, script] of Object.entries(PROGRAMS)) install(program, script);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

it('goes on without what another tool cannot list, and says so; without its own it does not', async () => {
  const { openFirewall } = await import('./firewall.ts');
  const firewall = openFirewall({ stateDir: directory, rulesets: { nftables, iptables } });
  const look = { tool: 'nft' as const, intents: [intentOf([])] };
  expect((await firewall.observe(look)).unlisted).toEqual([]);
  install('iptables-nft-save', 'echo "Parsing nftables rule failed" >&2; exit 1');
  const observed = await firewall.observe(look);
  expect(observed.unlisted).toEqual([
    expect.stringMatching(/^listing the IPv4 rules of iptables-nft: .*Parsing nftables rule failed/),
  ]);
  expect(observed.listings).toHaveLength(1);
  install('nft', 'echo "no permission" >&2; exit 1');
  await expect(firewall.observe(look)).rejects.toThrow(/no permission/);
});
