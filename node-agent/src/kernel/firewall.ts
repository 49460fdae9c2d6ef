import { readFile } from 'node:fs/promises';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { CHAIN_PREFIX, NFT_TABLE } from '@causeway/shared/names';
import { run } from '@causeway/shared/run';
import type { FirewallListing, FirewallTool } from '../plan/observed.ts';

export const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

/** How long iptables may wait for others who hold its lock, seconds. */
const LOCK_SECONDS = '5';
const APPLY_TIMEOUT_MS = 120_000;
/** The tables that rules of ours are in. */
const LEGACY_TABLES = ['nat', 'filter'];

/**
 * The program that serves a dataplane here. Of the two iptables it is the one that holds more of the host's rules,
 * since rules in both would be asked in an order that nobody chose; the default is iptables-nft.
 *
 * @throws CausewayError `not-found` when nothing that serves the dataplane is installed
 */
export async function toolFor(dataplane: Dataplane): Promise<FirewallTool> {
  if (dataplane === 'nftables') {
    if (await isInstalled('nft')) return 'nft';
    throw new CausewayError('not-found', 'choosing the dataplane nftables: the program nft is not installed');
  }
  const [nft, legacy] = await Promise.all([isInstalled('iptables-nft'), isInstalled('iptables-legacy')]);
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

/** @returns what the tool holds of ours (for iptables: everything, as `Ruleset` reads it); empty for nothing at all. */
export async function listFirewall(tool: FirewallTool): Promise<string> {
  const doing = `listing the rules of ${tool}`;
  if (tool === 'nft') {
    const args = ['-j', 'list', 'table', 'ip', NFT_TABLE];
    const { exitCode, stdout, stderr } = await run('nft', args, {
      doing,
      okCodes: [1],
      timeoutMs: APPLY_TIMEOUT_MS,
    });
    if (exitCode === 0) return stdout;
    if (/No such file or directory/.test(stderr)) return '';
    throw new CausewayError('command-failed', `${doing}: \`nft ${args.join(' ')}\`: ${stderr.trim()}`);
  }
  if (tool === 'iptables-legacy') return listLegacy(doing);
  return (await run(`${tool}-save`, [], { doing, timeoutMs: APPLY_TIMEOUT_MS })).stdout;
}

/** @returns the listings of all installed tools but `except` that hold something of ours */
export async function listLeftovers(except?: FirewallTool): Promise<readonly FirewallListing[]> {
  const listings = await Promise.all(
    TOOLS.filter((tool) => tool !== except).map(async (tool) => ({
      tool,
      listing: (await isInstalled(tool)) ? await listFirewall(tool) : '',
    })),
  );
  return listings.filter(({ tool, listing }) => holdsOurs(tool, listing));
}

/**
 * Hands one payload to the tool, all or nothing; in parts where the kernel does not take it whole.
 *
 * @param partsOf cuts a payload into several
 * @throws CausewayError `kernel-rejected` with the lines that the tool refused
 */
export async function applyFirewall(
  tool: FirewallTool,
  input: string,
  partsOf: (input: string) => readonly string[],
): Promise<void> {
  const error = await tryFirewall(tool, input);
  if (error === undefined) return;
  if (!/Message too long/.test(error.message)) throw error;
  for (const part of partsOf(input)) {
    const refused = await tryFirewall(tool, part);
    if (refused !== undefined) throw refused;
  }
}

async function tryFirewall(tool: FirewallTool, input: string): Promise<CausewayError | undefined> {
  const [command, args] = commandOf(tool);
  try {
    await run(command, args, { input, doing: `changing the rules of ${tool}`, timeoutMs: APPLY_TIMEOUT_MS });
    return undefined;
  } catch (cause) {
    const told = messageOf(cause);
    const lines = refusedLines(input, told);
    const shown = lines.length === 0 ? '' : `\nrefused:\n${lines.join('\n')}`;
    return new CausewayError('kernel-rejected', `${told.trimEnd()}${shown}`, { cause });
  }
}

/** Asking iptables-legacy for a table makes that table: only those are asked for that are there. */
async function listLegacy(doing: string): Promise<string> {
  const names = await readFile('/proc/net/ip_tables_names', 'utf8').catch((error: unknown) =>
    error instanceof Error && 'code' in error && error.code === 'EACCES' ? undefined : '',
  );
  if (names?.trim() === '') return '';
  const command = 'iptables-legacy-save';
  if (names !== undefined) return (await run(command, [], { doing, timeoutMs: APPLY_TIMEOUT_MS })).stdout;
  // In the user namespace of an ordinary user nobody may read the names, and iptables-save lists nothing without.
  const tables = LEGACY_TABLES.map((table) =>
    run(command, ['-t', table], { doing, timeoutMs: APPLY_TIMEOUT_MS }).then(
      ({ stdout }) => stdout,
      () => '',
    ),
  );
  return (await Promise.all(tables)).join('');
}

const installed = new Map<string, Promise<boolean>>();

/** Looked up once in the life of the process. */
export function isInstalled(tool: FirewallTool): Promise<boolean> {
  const known = installed.get(tool);
  if (known !== undefined) return known;
  const asked = run(tool, ['--version'], { doing: `looking for ${tool}` }).then(
    () => true,
    () => false,
  );
  installed.set(tool, asked);
  return asked;
}

/** Most lines of a payload that an error repeats. */
const SHOWN_LINES = 5;

/** @returns `LINE: text` for the lines of `input` that a complaint of nft or iptables-restore names. Pure. */
export function refusedLines(input: string, complaint: string): readonly string[] {
  const named = [...complaint.matchAll(/stdin:(\d+):|\bline:? (\d+)\b/g)].map((found) =>
    Number(found[1] ?? found[2]),
  );
  const lines = input.split('\n');
  return [...new Set(named)]
    .filter((number) => lines[number - 1] !== undefined)
    .slice(0, SHOWN_LINES)
    .map((number) => `${number}: ${lines[number - 1]}`);
}

function commandOf(tool: FirewallTool): [string, readonly string[]] {
  if (tool === 'nft') return ['nft', ['-f', '-']];
  return [`${tool}-restore`, ['--noflush', '--wait', LOCK_SECONDS]];
}

function holdsOurs(tool: FirewallTool, listing: string): boolean {
  return tool === 'nft' ? listing !== '' : listing.includes(CHAIN_PREFIX);
}

async function rulesIn(tool: FirewallTool): Promise<number> {
  const listing = await listFirewall(tool);
  return listing.split('\n').filter((line) => line.startsWith('-A ')).length;
}
