import { readFile } from 'node:fs/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { CHAIN_PREFIX, NFT_TABLE } from '@causeway/shared/names';
import { FAMILIES, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { hasOthers } from '@causeway/shared/rules/iptables/others';
import { TABLES } from '@causeway/shared/rules/iptables/part';
import { readSets, sectionsOf, setsListing } from '@causeway/shared/rules/iptables/sets';
import type { FirewallListing, FirewallTool } from '../plan/observed.ts';
import type { FirewallStep } from '../plan/step.ts';
import { looksIntoSets, restoreSets, saveSets } from './ip-sets.ts';
import { refusalOf } from './refusal.ts';

export const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

/** How long iptables may wait for others who hold its lock, seconds. */
const LOCK_SECONDS = '5';
const APPLY_TIMEOUT_MS = 120_000;
/** As nft calls them. */
const NFT_FAMILIES: Readonly<Record<Family, string>> = { ipv4: 'ip', ipv6: 'ip6' };

/**
 * The program that serves a dataplane here. Of the two iptables it is the one that holds more of the host's rules,
 * since rules in both would be asked in an order that nobody chose; the default is iptables-nft.
 *
 * @throws CausewayError `not-found` when nothing that serves the dataplane is installed
 */
export async function toolFor(dataplane: Dataplane): Promise<FirewallTool> {
  if (dataplane === 'nftables') {
    if (isInstalled('nft')) return 'nft';
    throw new CausewayError('not-found', 'choosing the dataplane nftables: the program nft is not installed');
  }
  const [nft, legacy] = [isInstalled('iptables-nft'), isInstalled('iptables-legacy')];
  if (nft && legacy)
    return (await rulesIn('iptables-legacy')) > (await rulesIn('iptables-nft'))
      ? 'iptables-legacy'
      : 'iptables-nft';
  if (nft) return 'iptables-nft';
  if (legacy) return 'iptables-legacy';
  throw new CausewayError(
    'not-found',
    'choosing the dataplane iptables: the program iptables is not installed',
  );
}

/**
 * @returns what the tool holds, one listing per family, as `Ruleset` reads it: nft our own table, an iptables everything
 * (`iptables-save`). Empty for nothing at all, and where the family's program is not installed.
 *
 * @param onFault is told why something cannot be listed, which is taken to be empty then; absent: that is thrown
 */
export function listFirewalls(
  tool: FirewallTool,
  families: readonly Family[],
  onFault?: (reason: string) => void,
): Promise<readonly FirewallListing[]> {
  const list = (family: Family) => {
    const listed = listFirewall(tool, family);
    if (onFault === undefined) return listed;
    return listed.catch((error: unknown) => {
      onFault(messageOf(error));
      return '';
    });
  };
  return Promise.all(families.map(async (family) => ({ tool, family, listing: await list(family) })));
}

/** Puts our ipsets behind what an iptables lists: they are those of the one that serves. */
export function withSets(listings: readonly FirewallListing[], saved: string): readonly FirewallListing[] {
  return listings.map((one) => ({ ...one, listing: `${one.listing}${setsListing(saved, one.family)}` }));
}

/**
 * @param tool with `families`, what is not asked; absent: everything is asked
 * @param among the families that are asked at all
 * @param onFault as of `listFirewalls`
 * @returns the listings of every other tool and family that hold something of ours, or rules of others that packets of
 * containers meet
 */
export async function listOthers(
  tool?: FirewallTool,
  families: readonly Family[] = [],
  among: readonly Family[] = FAMILIES,
  onFault?: (reason: string) => void,
): Promise<readonly FirewallListing[]> {
  const rest = among.filter((family) => !families.includes(family));
  const [saved, ...listings] = await Promise.all([
    saveSets(),
    ...TOOLS.map((one) => listFirewalls(one, one === tool ? rest : among, onFault)),
  ]);
  const listed = listings.flat();
  const all = listed.flatMap((one) =>
    one.tool === ownerOfSets(one.family, listed, tool) ? withSets([one], saved) : [one],
  );
  return all.filter((one) => holdsOurs(one) || (one.tool !== 'nft' && hasOthers(one.listing)));
}

/**
 * Whose our ipsets of a family are: the serving iptables'; else of one whose rules look into them; else, when everything was
 * cleaned away but them, of one of the two.
 */
function ownerOfSets(
  family: Family,
  listings: readonly FirewallListing[],
  serving: FirewallTool | undefined,
): FirewallTool {
  if (serving !== undefined && serving !== 'nft') return serving;
  const looking = listings.find((one) => one.family === family && looksIntoSets(one.listing, family));
  return looking?.tool ?? 'iptables-nft';
}

/** Whether a listing of any tool has something that Causeway made. Pure. */
export function holdsOurs({ tool, listing }: FirewallListing): boolean {
  return tool === 'nft' ? listing !== '' : listing.includes(CHAIN_PREFIX) || readSets(listing).size > 0;
}

async function listFirewall(tool: FirewallTool, family: Family): Promise<string> {
  const program = programOf(tool, family);
  const doing = `listing the ${FAMILY_NAMES[family]} rules of ${tool}`;
  if (!isInstalled(program)) return '';
  if (tool === 'nft') return listNft(family, doing);
  if (tool === 'iptables-legacy') return listLegacy(program, family, doing);
  return (await run(`${program}-save`, [], { doing, timeoutMs: APPLY_TIMEOUT_MS })).stdout;
}

async function listNft(family: Family, doing: string): Promise<string> {
  const args = ['-j', 'list', 'table', NFT_FAMILIES[family], NFT_TABLE];
  const options = { doing, okCodes: [1], timeoutMs: APPLY_TIMEOUT_MS };
  const { exitCode, stdout, stderr } = await run('nft', args, options);
  if (exitCode === 0) return stdout;
  // The latter is a kernel's answer that has no such family at all.
  if (/No such file or directory|not supported/.test(stderr)) return '';
  throw new CausewayError('command-failed', `${doing}: \`nft ${args.join(' ')}\`: ${stderr.trim()}`);
}

/**
 * Hands one payload to the tool, all or nothing; in parts where the kernel does not take it whole.
 *
 * @param partsOf cuts a payload into several
 * @param expect hears of each input before the tool has it; what it returns is told whether the kernel took that
 * @throws CausewayError `kernel-rejected` with the lines that the tool refused; `timeout`, `not-found`
 */
export async function applyFirewall(
  { tool, family, input }: Pick<FirewallStep, 'tool' | 'family' | 'input'>,
  partsOf: (input: string) => readonly string[],
  expect: (tool: FirewallTool, input: string) => (made: boolean) => void,
): Promise<void> {
  const attempt = async (text: string) => {
    const settled = expect(tool, text);
    let made = false;
    try {
      const refused = await tryFirewall(tool, family, text);
      made = refused === undefined;
      return refused;
    } finally {
      settled(made);
    }
  };
  const one = async (text: string) => {
    const error = await attempt(text);
    if (error === undefined) return;
    if (!/Message too long/.test(error.message)) throw error;
    for (const part of partsOf(uncommitted(text, error.message))) {
      const refused = await attempt(part);
      if (refused !== undefined) throw refused;
    }
  };
  if (tool === 'nft') return one(input);
  for (const section of sectionsOf(input))
    if (section.program === 'ipset') await changeSets(section.input);
    else await one(section.input);
}

async function changeSets(input: string): Promise<void> {
  try {
    await restoreSets(input);
  } catch (cause) {
    throw refusalOf(input, cause);
  }
}

/**
 * What of a payload the kernel does not hold yet: iptables-restore commits one table after the other, and those before
 * the one that was refused stay. Done again, what they insert would be there twice. Pure.
 *
 * @param complaint names the line: `line 640 failed: Message too long.`
 */
export function uncommitted(input: string, complaint: string): string {
  const refused = Number(/\bline:? (\d+) failed/.exec(complaint)?.[1] ?? 0);
  const lines = input.split('\n');
  const table = lines.findLastIndex((line, i) => i < refused && line.startsWith('*'));
  return table < 1 ? input : lines.slice(table).join('\n');
}

async function tryFirewall(
  tool: FirewallTool,
  family: Family,
  input: string,
): Promise<CausewayError | undefined> {
  const [command, args] = commandOf(tool, family);
  const doing = `changing the ${FAMILY_NAMES[family]} rules of ${tool}`;
  try {
    await run(command, args, { input, doing, timeoutMs: APPLY_TIMEOUT_MS });
    return undefined;
  } catch (cause) {
    return refusalOf(input, cause);
  }
}

/** Asking iptables-legacy for a table makes that table: only those are asked for that are there. */
async function listLegacy(program: string, family: Family, doing: string): Promise<string> {
  const file = family === 'ipv4' ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names';
  const names = await readFile(file, 'utf8').catch((error: unknown) =>
    error instanceof Error && 'code' in error && error.code === 'EACCES' ? undefined : '',
  );
  if (names?.trim() === '') return '';
  const command = `${program}-save`;
  if (names !== undefined) return (await run(command, [], { doing, timeoutMs: APPLY_TIMEOUT_MS })).stdout;
  // In the user namespace of an ordinary user nobody may read the names, and iptables-save lists nothing without.
  const tables = TABLES.map((table) =>
    run(command, ['-t', table], { doing, timeoutMs: APPLY_TIMEOUT_MS }).then(
      ({ stdout }) => stdout,
      () => '',
    ),
  );
  return (await Promise.all(tables)).join('');
}

function commandOf(tool: FirewallTool, family: Family): [string, readonly string[]] {
  if (tool === 'nft') return ['nft', ['-f', '-']];
  return [`${programOf(tool, family)}-restore`, ['--noflush', '--wait', LOCK_SECONDS]];
}

/** @returns `nft`, `iptables-nft`, `ip6tables-legacy`… Pure. */
export function programOf(tool: FirewallTool, family: Family): string {
  return family === 'ipv6' && tool !== 'nft' ? tool.replace('iptables', 'ip6tables') : tool;
}

async function rulesIn(tool: FirewallTool): Promise<number> {
  const listings = await listFirewalls(tool, FAMILIES);
  return listings.flatMap(({ listing }) => listing.split('\n')).filter((line) => line.startsWith('-A '))
    .length;
}
