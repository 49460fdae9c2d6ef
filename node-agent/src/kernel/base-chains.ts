import { rm } from 'node:fs/promises';
import { messageOf } from '@causeway/shared/errors';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { readJsonFile, writeJsonFile } from './json-file.ts';

/**
 * iptables-nft makes the tables and base chains of iptables when it first needs them (`ip nat`, `ip6 nat`, PREROUTING…) and
 * never removes them. Which ones were there before us is noted, so that `cleanup` removes the others again, if
 * nobody else has put anything into them.
 */
export async function noteBaseChains(file: string): Promise<void> {
  if (!isInstalled('nft') || (await readJsonFile(file)) !== undefined) return;
  await writeJsonFile(file, (await listChains()).map(keyOf));
}

/** @returns a sentence for each chain and table that was removed */
export async function removeBaseChains(file: string): Promise<readonly string[]> {
  const noted = await readJsonFile(file);
  if (!Array.isArray(noted) || !isInstalled('nft')) return [];
  const [chains, rules] = await Promise.all([listChains(), listItems('rule')]);
  const used = new Set(rules.map((rule) => `${rule.family} ${rule.table} ${rule.chain}`));
  const ours = chains.filter((one) => isEmptyBase(one, used) && !noted.includes(keyOf(one)));
  const tables = [...new Set(ours.map((one) => one.table))].filter((table) =>
    chains.every((one) => one.table !== table || ours.includes(one)),
  );
  const whole = (one: Chain) => tables.includes(one.table);
  const commands = [
    ...tables.map((table) => `delete table ${table}`),
    ...ours.filter((one) => !whole(one)).map((one) => `delete chain ${one.table} ${one.name}`),
  ];
  const told: string[] = [];
  for (const command of commands) {
    const done = await run('nft', ['-f', '-'], {
      input: `${command}\n`,
      doing: 'removing empty tables',
    }).catch(messageOf);
    if (typeof done !== 'string') told.push(command);
  }
  await rm(file, { force: true });
  return told;
}

interface Chain {
  /** With its family: `ip6 nat`. */
  readonly table: string;
  readonly name: string;
  readonly hooked: boolean;
  readonly policy: string;
}

/** The tables of iptables; nobody else's are looked at. */
const TABLES = ['nat', 'filter', 'mangle', 'raw', 'security'];
const FAMILIES = ['ip', 'ip6'];

function isEmptyBase(chain: Chain, used: ReadonlySet<string>): boolean {
  return chain.hooked && chain.policy === 'accept' && !used.has(`${chain.table} ${chain.name}`);
}

function keyOf(chain: Chain): string {
  return `${chain.table} ${chain.name}`;
}

async function listChains(): Promise<readonly Chain[]> {
  return (await listItems('chain')).map((item) => ({
    table: `${item.family} ${item.table}`,
    name: String(item.name),
    hooked: item.hook !== undefined,
    policy: String(item.policy),
  }));
}

async function listItems(kind: 'chain' | 'rule'): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { stdout } = await run('nft', ['-j', 'list', kind === 'chain' ? 'chains' : 'ruleset'], {
    doing: 'listing tables of iptables',
  });
  const parsed: unknown = JSON.parse(stdout);
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    !('nftables' in parsed) ||
    !Array.isArray(parsed.nftables)
  )
    return [];
  return parsed.nftables
    .map((item) => item?.[kind])
    .filter((item) => FAMILIES.includes(item?.family) && TABLES.includes(item?.table));
}
