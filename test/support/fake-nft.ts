import type { Family } from '../../shared/src/net/family.ts';

/**
 * A kernel's nftables in miniature, our table of one family: takes what `rules/nftables` writes, refuses what nft would refuse (an element
 * that is not there, a second value for a key, a jump to nowhere), and lists itself as `nft -j list table` does.
 */
export class FakeNft {
  readonly #ip: 'ip' | 'ip6';
  #table: Table | undefined;

  constructor(family: Family = 'ipv4') {
    this.#ip = family === 'ipv4' ? 'ip' : 'ip6';
  }

  /** All or nothing, as in the kernel. @throws Error with the statement that was refused */
  apply(input: string): void {
    const before = structuredClone(this.#table);
    try {
      for (const statement of statements(input)) this.#run(statement);
      this.#checkTargets();
    } catch (error) {
      this.#table = before;
      throw error;
    }
  }

  list(): string {
    if (this.#table === undefined) return '';
    const ours = { family: this.#ip, table: 'causeway' };
    const { maps, chains } = this.#table;
    return JSON.stringify({
      nftables: [
        { metainfo: { json_schema_version: 1 } },
        { table: { family: this.#ip, name: 'causeway' } },
        ...[...maps].map(([name, elements]) => ({ map: { ...ours, name, elem: [...elements].map(toJson) } })),
        ...[...chains].map(([name, { hook }]) => ({ chain: { ...ours, name, ...hook } })),
        ...[...chains].flatMap(([chain, { rules }]) =>
          rules.map((rule) => ({ rule: { ...ours, chain, comment: /comment "([^"]*)"$/.exec(rule)?.[1] } })),
        ),
      ],
    });
  }

  #run(statement: string): void {
    const [head = '', ...lines] = statement.split('\n');
    const body = lines.slice(0, -1).map((line) => line.trim().replace(/,$/, ''));
    const [verb, what] = head.split(' ');
    const [name = ''] = head.split(`${this.#ip} causeway `).slice(1).join('').split(' ');
    const table = `table ${this.#ip} causeway`;
    if (head === `add ${table}`) this.#table ??= newTable();
    else if (head === `delete ${table}`) {
      this.#held();
      this.#table = undefined;
    } else if (head === `${table} {`) this.#define(body);
    else if (verb === 'flush' && what === 'chain') this.#flush(name);
    else if (verb === 'delete' && (what === 'chain' || what === 'map')) this.#remove(`${what}s`, name);
    else if (verb === 'add' && what === 'element') for (const one of body) this.#add(name, one);
    else if (verb === 'delete' && what === 'element') for (const one of body) this.#delete(name, one);
    else throw new Error(`no such statement: ${head}`);
  }

  #define(body: readonly string[]): void {
    this.#table ??= newTable();
    let chain: Chain | undefined;
    for (const line of body) {
      const [, map] = /^(?:map|set) (\S+) \{ .*; \}$/.exec(line) ?? [];
      const [, name] = /^chain (\S+) \{$/.exec(line) ?? [];
      const [, type, hook, prio] =
        /^type (\w+) hook (\w+) priority (-?\d+); policy accept;$/.exec(line) ?? [];
      if (map !== undefined) this.#table.maps.set(map, this.#table.maps.get(map) ?? new Map());
      else if (name !== undefined) chain = this.#chain(name);
      else if (line === '}') chain = undefined;
      else if (chain === undefined) throw new Error(`no such line: ${line}`);
      else if (type !== undefined) chain.hook = { type, hook, prio: Number(prio), policy: 'accept' };
      else chain.rules.push(line);
    }
  }

  #add(map: string, element: string): void {
    const [key = '', value = ''] = element.split(' : ');
    const elements = this.#map(map);
    if ((elements.get(key) ?? value) !== value) throw new Error(`${map} holds another value for ${key}`);
    elements.set(key, value);
  }

  #delete(map: string, key: string): void {
    if (!this.#map(map).delete(key)) throw new Error(`${map} holds no ${key}`);
  }

  #flush(name: string): void {
    const chain = this.#held().chains.get(name);
    if (chain === undefined) throw new Error(`no chain ${name}`);
    chain.rules.length = 0;
  }

  #remove(what: 'chains' | 'maps', name: string): void {
    if (!this.#held()[what].delete(name)) throw new Error(`none of the ${what} is ${name}`);
  }

  #map(name: string): Map<string, string> {
    const found = this.#held().maps.get(name);
    if (found === undefined) throw new Error(`no map ${name}`);
    return found;
  }

  #chain(name: string): Chain {
    const { chains } = this.#held();
    const chain = chains.get(name) ?? { rules: [] };
    chains.set(name, chain);
    return chain;
  }

  #held(): Table {
    if (this.#table === undefined) throw new Error('no table');
    return this.#table;
  }

  #checkTargets(): void {
    const rules = [...(this.#table?.chains.values() ?? [])].flatMap((chain) => chain.rules);
    const verdicts = [...(this.#table?.maps.values() ?? [])].flatMap((map) => [...map.values()]);
    for (const text of [...rules, ...verdicts]) {
      const [, target] = /\b(?:jump|goto) (\S+)/.exec(text.replace(/ comment ".*$/, '')) ?? [];
      if (target !== undefined && this.#table?.chains.has(target) !== true)
        throw new Error(`no chain ${target}`);
      const [, map] = /@([\w-]+)/.exec(text) ?? [];
      if (map !== undefined && this.#table?.maps.has(map) !== true) throw new Error(`no map ${map}`);
    }
  }
}

interface Table {
  readonly maps: Map<string, Map<string, string>>;
  readonly chains: Map<string, Chain>;
}

interface Chain {
  hook?: Record<string, unknown>;
  readonly rules: string[];
}

function newTable(): Table {
  return { maps: new Map(), chains: new Map() };
}

/** Lines, those between `{` at an end of line and `}` at a start of line taken together. */
function statements(input: string): string[] {
  return input.match(/^.*\{\n[\s\S]*?^\}$|^.+$/gm) ?? [];
}

function toJson([key, value]: readonly [string, string]): unknown {
  if (value === '') return side(key);
  if (value === 'drop') return [side(key), { drop: null }];
  const [, target] = /^goto (\S+)$/.exec(value) ?? [];
  return [side(key), target === undefined ? side(value) : { goto: { target } }];
}

function side(text: string): unknown {
  const parts = text.split(' . ').map(part);
  return parts.length === 1 ? parts[0] : { concat: parts };
}

function part(text: string): unknown {
  const [addr, len] = text.split('/');
  if (len !== undefined) return { prefix: { addr, len: Number(len) } };
  return /^\d+$/.test(text) ? Number(text) : text;
}
