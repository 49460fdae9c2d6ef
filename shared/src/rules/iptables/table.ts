import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { forward } from './forward.ts';
import { masquerade } from './masquerade.ts';
import { nodePorts } from './node-ports.ts';
import { outside } from './outside.ts';
import { type Chain, type Jump, type List, type Part, TABLES, type Table } from './part.ts';
import { reject } from './reject.ts';
import { services } from './services.ts';
import { sources } from './sources.ts';

const PARTS: readonly Part[] = [services, nodePorts, outside, sources, masquerade, forward, reject];

export function jumpsOf(intent: FirewallIntent): readonly Jump[] {
  return PARTS.flatMap((part) => part.jumps(intent));
}

export function listsOf(intent: FirewallIntent): readonly List[] {
  return PARTS.flatMap((part) => part.lists(intent));
}

export function chainsOfService(service: ServiceIntent, intent: FirewallIntent): readonly Chain[] {
  return PARTS.flatMap((part) => part.ofService(service, intent));
}

/** Every chain of ours with all its rules. */
export function chainsOf(intent: FirewallIntent): readonly Chain[] {
  return [
    ...PARTS.flatMap((part) => part.chains(intent)),
    ...listsOf(intent).map((list) => chainOfList(list, intent)),
    ...intent.services.flatMap((service) => chainsOfService(service, intent)),
  ];
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
    this.#lines(table).declared.push(`:${chain} - [0:0]`);
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
  fill(chain: Chain): void {
    this.declare(chain.table, chain.name);
    for (const rule of chain.rules) this.rule(chain.table, `-A ${chain.name} ${rule}`);
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
        return [`*${table}`, ...lines.declared, ...lines.rules, ...lines.removed, 'COMMIT', ''].join('\n');
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
  readonly declared: string[];
  readonly rules: string[];
  readonly removed: string[];
}
