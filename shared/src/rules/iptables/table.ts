import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { forward } from './forward.ts';
import { masquerade } from './masquerade.ts';
import { networkPolicies } from './network-policies.ts';
import { nodePorts } from './node-ports.ts';
import { outside } from './outside.ts';
import { type Chain, type Jump, type List, type Part, TABLES, type Table } from './part.ts';
import { published } from './published.ts';
import { reject } from './reject.ts';
import { services } from './services.ts';
import { sources } from './sources.ts';

const PARTS: readonly Part[] = [
  services,
  nodePorts,
  outside,
  sources,
  published,
  networkPolicies,
  masquerade,
  forward,
  reject,
];

export function jumpsOf(intent: FirewallIntent): readonly Jump[] {
  return PARTS.flatMap((part) => part.jumps(intent));
}

export function listsOf(intent: FirewallIntent): readonly List[] {
  return PARTS.flatMap((part) => part.lists(intent));
}

export function* chainsOfService(service: ServiceIntent, intent: FirewallIntent): Generator<Chain> {
  for (const part of PARTS) yield* part.ofService(service, intent);
}

/** The chains that are no service's. */
export function commonChainsOf(intent: FirewallIntent): readonly Chain[] {
  return PARTS.flatMap((part) => part.chains(intent));
}

/** Every chain of ours with all its rules: first those that all services share. */
export function* chainsOf(intent: FirewallIntent): Generator<Chain> {
  yield* commonChainsOf(intent);
  for (const list of listsOf(intent)) yield chainOfList(list, intent);
  for (const service of intent.services) yield* chainsOfService(service, intent);
}

/** A list with all its rules. */
export function chainOfList({ table, name, entries, tail }: List, { services: all }: FirewallIntent): Chain {
  return { table, name, rules: [...entries(all), ...tail] };
}

/** The statements of one restore, by table. */
export class Restore {
  readonly #tables = new Map<Table, Lines>();

  /** Makes a chain, or empties it. */
  declare(table: Table, chain: string): void {
    this.#lines(table).declared.push(chain);
  }

  /** `-A`, `-I` or `-D` with everything behind it, in the order of the calls. */
  rule(table: Table, text: string): void {
    this.#lines(table).rules.push(text);
  }

  /** Removes a chain, after all rules. */
  remove(table: Table, chain: string): void {
    this.declare(table, chain);
    this.#lines(table).removed.push(`-X ${chain}`);
  }

  /** Declares a chain and fills it. */
  fill({ table, name, rules }: Chain): void {
    this.declare(table, name);
    // Joined at once: a text put together from others keeps them all until somebody reads it.
    if (rules.length > 0) this.rule(table, `-A ${name} ${rules.join(`\n-A ${name} `)}`);
  }

  /**
   * Empty when there is nothing to do. The kernel takes each table as a whole, one after the other: mangle before nat, so
   * that whoever may not come is dropped before a service is translated; nat before filter, so that a service is
   * translated before, and as long as, its VIP refuses the rest.
   *
   * @param tables another order
   */
  text(tables: readonly Table[] = TABLES): string {
    return tables
      .flatMap((table) => {
        const lines = this.#tables.get(table);
        if (lines === undefined) return [];
        const { declared, rules, removed } = lines;
        const declarations = declared.length === 0 ? [] : [`:${declared.join(' - [0:0]\n:')} - [0:0]`];
        return [`*${table}`, ...declarations, ...rules, ...removed, 'COMMIT', ''].join('\n');
      })
      .join('');
  }

  #lines(table: Table): Lines {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const made = { declared: [], rules: [], removed: [] };
    this.#tables.set(table, made);
    return made;
  }
}

interface Lines {
  /** Names of chains. */
  readonly declared: string[];
  readonly rules: string[];
  readonly removed: string[];
}
