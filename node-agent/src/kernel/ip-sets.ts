import { setTimeout } from 'node:timers/promises';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { messageOf } from '@causeway/shared/errors';
import { SET_PREFIXES } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';

/** How often a set that rules still look into is tried to be removed, and how long between, milliseconds. */
const ATTEMPTS = 100;
const PAUSE_MS = 20;
const TIMEOUT_MS = 120_000;

/** Whether the program is there that makes the sets which policies need with iptables. */
export function hasIpSets(): boolean {
  return isInstalled('ipset');
}

/** What `ipset save` says, of everybody's; empty where there is no such program, or the kernel has no sets. */
export async function saveSets(): Promise<string> {
  if (!hasIpSets()) return '';
  const { exitCode, stdout } = await run('ipset', ['save'], {
    ...{ doing: 'listing ipsets', okCodes: [1], timeoutMs: TIMEOUT_MS },
  });
  return exitCode === 0 ? stdout : '';
}

/** @throws CausewayError `command-failed`, `not-found` */
export async function restoreSets(input: string): Promise<void> {
  await restoring(input, async (lines) => {
    await run('ipset', ['restore'], { input: lines, doing: 'changing ipsets', timeoutMs: TIMEOUT_MS });
  });
}

/**
 * Goes on from the line that was refused where a set is still in use: iptables-nft's rules are gone at once, and what they
 * held is let go by the kernel a moment later.
 *
 * @param restore `ipset restore`
 */
export async function restoring(input: string, restore: (lines: string) => Promise<void>): Promise<void> {
  let lines = input.split('\n');
  for (let attempt = 1; ; attempt++) {
    try {
      await restore(lines.join('\n'));
      return;
    } catch (error) {
      const told = messageOf(error);
      const line = Number(/in line (\d+): .*in use by a kernel component/.exec(told)?.[1] ?? 0);
      if (line === 0 || attempt === ATTEMPTS) throw error;
      lines = lines.slice(line - 1);
      await setTimeout(PAUSE_MS);
    }
  }
}

/** Whether rules look into sets of ours. Pure. */
export function looksIntoSets(listing: string, family: Family): boolean {
  return listing.includes(`--match-set ${SET_PREFIXES[family]}`);
}

/** What is told where policies cannot be enforced as they are, one sentence. */
export function missingSets(intents: readonly FirewallIntent[]): readonly string[] {
  if (hasIpSets() || intents.every(({ policies }) => policies.length === 0)) return [];
  return [
    'the program ipset, which policies need with iptables, is not installed: containers with policies ' +
      'neither take new connections nor make any in a direction that a policy speaks of; install the package ipset and ' +
      'start the agent again, or use nftables',
  ];
}
