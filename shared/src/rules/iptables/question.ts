import type { FirewallIntent } from '../../desired/intent.ts';
import { besideLayout, servingJumps, servingLayout } from './layout.ts';
import type { Others } from './others.ts';
import { type Chain, type Jump, type Layout, TABLES } from './part.ts';

/** Services whose rules one question names: what it costs to write it stays below a thousandth of the time. */
const WINDOW = 8;

/** What one variant should hold, as far as it takes to ask for it. */
export interface Expectation {
  readonly role: 'serving' | 'beside';
  readonly intent: FirewallIntent;
  readonly others: Others;
}

/**
 * Input for `iptables-restore --noflush --test`, which changes nothing and ends with a refusal where the kernel lacks one
 * of the rules that are asked for, or holds one of others in front of a jump of ours.
 *
 * @param turn counts the questions: the services take turns, so that each is asked for sooner or later
 * @returns empty when nothing of ours is expected
 */
export function questionOf({ role, intent, others }: Expectation, turn: number): string {
  if (role === 'beside') return render(besideLayout(intent, others));
  const windows = Math.max(1, Math.ceil(intent.services.length / WINDOW));
  const start = (turn % windows) * WINDOW;
  const services = intent.services.slice(start, start + WINDOW);
  // The jumps are there for all services, also for those whose turn it is not.
  const jumps = servingJumps(intent, others);
  return render({ ...servingLayout({ ...intent, services }, others), jumps });
}

function render({ jumps, chains }: Layout): string {
  const all = [...chains];
  return TABLES.map((table) =>
    questionOfTable(
      table,
      jumps.filter((jump) => jump.table === table),
      all.filter((chain) => chain.table === table),
    ),
  ).join('');
}

function questionOfTable(table: string, jumps: readonly Jump[], chains: readonly Chain[]): string {
  if (jumps.length === 0) return '';
  const targets = [...new Set(jumps.map(({ rule }) => rule.split(' ').at(-1) ?? ''))];
  return [
    `*${table}`,
    ...jumps.map(({ chain, rule }) => `-C ${chain} ${rule}`),
    ...chains.flatMap(({ name, rules }) => rules.filter(isPlain).map((rule) => `-C ${name} ${rule}`)),
    // A chain can be removed only when nothing leads to it: so each first rule, which goes before, was the one jump.
    ...targets.map((name) => `-F ${name}`),
    ...jumps.map(({ chain }) => `-D ${chain} 1`),
    ...targets.map((name) => `-X ${name}`),
    'COMMIT',
    '',
  ].join('\n');
}

/** A probability is kept rounded, so that the rule would not be found again. */
function isPlain(rule: string): boolean {
  return !rule.includes('--probability');
}
