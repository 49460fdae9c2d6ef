import { setTimeout } from 'node:timers/promises';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { messageOf } from '@causeway/shared/errors';
import { SET_PREFIXES } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { creationOf, SET_TYPES } from '@causeway/shared/rules/iptables/sets';

/** How often a set that rules still look into is tried to be removed, and how long between, milliseconds. */
const ATTEMPTS = 100;
const PAUSE_MS = 20;
const TIMEOUT_MS = 120_000;

const PROBE_TIMEOUT_MS = 10_000;

/**
 * Why no sets such as policies need with iptables can be made here, one clause; undefined: they can. Found out by making one
 * of each kind and removing it: the program may be there, and the kernel without what it takes.
 */
export async function ipSetsFault(): Promise<string | undefined> {
  if (!isInstalled('ipset')) return 'the program ipset is not installed';
  const names = SET_TYPES.map((_, i) => `${SET_PREFIXES.ipv4}probe-${i}-${process.pid}`);
  const creations = SET_TYPES.map((type, i) => creationOf({ name: names[i] ?? '', type, family: 'ipv4' }));
  const removals = names.map((name) => `destroy ${name}`);
  try {
    await probe([...creations, ...removals]);
    return undefined;
  } catch (error) {
    // What was made before the refusal must not stay; the rest is not there.
    for (const removal of removals) await probe([removal]).catch(() => undefined);
    return messageOf(error);
  }
}

async function probe(lines: readonly string[]): Promise<void> {
  const input = lines.map((line) => `${line}\n`).join('');
  await run('ipset', ['restore'], { input, doing: 'probing ipsets', timeoutMs: PROBE_TIMEOUT_MS });
}

/** What `ipset save` says, of everybody's; empty where there is no such program, or the kernel has no sets. */
export async function saveSets(): Promise<string> {
  if (!isInstalled('ipset')) return '';
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

/**
 * What is told where policies cannot be enforced as they are, one sentence.
 *
 * @param fault as `ipSetsFault` said when the rules were chosen
 */
export function missingSets(
  intents: readonly FirewallIntent[],
  fault: string | undefined,
): readonly string[] {
  if (fault === undefined || intents.every(({ policies }) => policies.length === 0)) return [];
  return [
    'policies need ipsets with iptables, and there are none: containers with policies neither take new connections nor ' +
      'make any in a direction that a policy speaks of, until the agent is started again where ipsets can be made (package ' +
      `ipset, module ip_set of the kernel), or with nftables: ${oneLine(fault)}`,
  ];
}

function oneLine(text: string): string {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .join('; ');
}
