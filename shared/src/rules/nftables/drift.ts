import type { FirewallIntent } from '../../desired/intent.ts';
import { type Listing, parseListing } from './listing.ts';
import type { Chain, Hook } from './part.ts';
import { commentOf, tableOf, wholeOf } from './table.ts';

/**
 * Compares `nft -j list table ip causeway` (or `ip6`) with the intent; an empty listing means that there is no table.
 * Rules are compared by their comments, which carry a fingerprint.
 */
export function driftOf(intent: FirewallIntent, text: string): readonly string[] {
  const listing = parseListing(text, intent.family);
  if (listing === undefined) return [`table ${tableOf(intent.family)} is missing`];
  const flags = listing.flagged ? [`table ${tableOf(intent.family)} has flags, which may switch it off`] : [];
  const whole = wholeOf(intent);
  return [...flags, ...driftOfChains(whole, listing), ...driftOfMaps(whole, listing)];
}

type Whole = ReturnType<typeof wholeOf>;

function driftOfChains({ chains }: Whole, listing: Listing): string[] {
  const wanted = new Map(chains.map((chain) => [chain.name, chain]));
  const found: string[] = [];
  for (const chain of wanted.values()) {
    const held = listing.chains.get(chain.name);
    if (held === undefined) found.push(`chain ${chain.name} is missing`);
    else found.push(...driftOfHook(chain, held.hook), ...driftOfRules(chain, held.comments));
  }
  for (const name of listing.chains.keys())
    if (!wanted.has(name)) found.push(`chain ${name} is not ours, in our table`);
  return found;
}

function driftOfHook(chain: Chain, held: string): string[] {
  const wanted = hookText(chain.hook);
  return held === wanted ? [] : [`chain ${chain.name} is hooked at "${held}" instead of "${wanted}"`];
}

function hookText(hook: Hook | undefined): string {
  return hook === undefined ? '' : `${hook.type} ${hook.hook} ${hook.priority} accept`;
}

function driftOfRules(chain: Chain, held: readonly string[]): string[] {
  const wanted = chain.rules.map(commentOf);
  if (held.length === wanted.length && wanted.every((comment, i) => comment === held[i])) return [];
  const missing = wanted.filter((comment) => !held.includes(comment));
  const extra = held.filter((comment) => !wanted.includes(comment));
  return [
    ...missing.map((comment) => `chain ${chain.name} lacks the rule "${comment}"`),
    ...extra.map((comment) => `chain ${chain.name} holds a foreign rule "${comment}"`),
    ...(missing.length + extra.length > 0
      ? []
      : [`chain ${chain.name} holds its rules twice or in another order`]),
  ];
}

function driftOfMaps({ maps, elements: wanted }: Whole, listing: Listing): string[] {
  const found: string[] = [];
  for (const { name, kind } of maps) {
    const held = listing.maps.get(name);
    if (held === undefined) found.push(`${kind} ${name} is missing`);
    else found.push(...driftOfElements(`${kind} ${name}`, wanted.get(name) ?? new Map(), held));
  }
  const known = new Set(maps.map((map) => map.name));
  for (const name of listing.maps.keys())
    if (!known.has(name)) found.push(`map ${name} is not ours, in our table`);
  return found;
}

/** One sentence per kind of difference, however many elements differ. */
function driftOfElements(
  what: string,
  wanted: ReadonlyMap<string, string>,
  held: ReadonlyMap<string, string>,
): string[] {
  const missing = [...wanted.keys()].filter((key) => !held.has(key));
  const extra = [...held.keys()].filter((key) => !wanted.has(key));
  const changed = [...wanted].filter(([key, value]) => held.has(key) && held.get(key) !== value);
  return [
    ...summary(`${what} lacks`, missing),
    ...summary(`${what} holds a foreign`, extra),
    ...summary(
      `${what} has another value for`,
      changed.map(([key]) => key),
    ),
  ];
}

function summary(start: string, keys: readonly string[]): string[] {
  const [first] = keys;
  if (first === undefined) return [];
  return [`${start} ${first}${keys.length > 1 ? ` and ${keys.length - 1} more` : ''}`];
}
