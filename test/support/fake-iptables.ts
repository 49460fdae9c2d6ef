/**
 * A kernel's iptables in miniature: takes `iptables-restore --noflush`, refuses what it would refuse (a jump to
 * nowhere, a deletion of what is not there or is still in use), and lists itself as `iptables-save` does. Others may
 * have rules and policies in it too.
 */
export class FakeIptables {
  #tables: Tables = new Map([
    ['nat', builtIn(['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'])],
    ['filter', builtIn(['INPUT', 'FORWARD', 'OUTPUT'])],
    ['raw', builtIn(['PREROUTING', 'OUTPUT'])],
    ['mangle', builtIn(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'])],
  ]);
  readonly #sets = new Map<string, Set<string>>();
  /** By table and chain of the kernel, where it is not ACCEPT. */
  readonly #policies = new Map<string, string>();

  /** A table is all or nothing, as in the kernel. @throws Error with the line that was refused */
  apply(input: string): void {
    for (const [, name = '', body = ''] of input.matchAll(/^\*(\w+)\n([\s\S]*?)^COMMIT$/gm)) {
      if (name === 'ipset') {
        for (const line of body.trimEnd().split('\n')) this.#runSetLine(line);
        continue;
      }
      const table = structuredClone(this.#tables.get(name));
      if (table === undefined) throw new Error(`no table ${name}`);
      for (const line of body.trimEnd().split('\n')) {
        const [, chain, policy] = /^:(\S+) (ACCEPT|DROP) \[0:0\]$/.exec(line) ?? [];
        if (policy !== undefined) this.#policies.set(`${name} ${chain}`, policy);
        else runLine(table, line);
      }
      for (const rules of table.values())
        for (const rule of rules) {
          const [, target = ''] = /-[jg] (CWY-\S+|DOCKER\S*)/.exec(rule) ?? [];
          const [, set = ''] = /--match-set (\S+)/.exec(rule) ?? [];
          if (set !== '' && !this.#sets.has(set)) throw new Error(`no set ${set}: ${rule}`);
          if (target !== '' && !table.has(target)) throw new Error(`no chain ${target}: ${rule}`);
        }
      this.#tables.set(name, table);
    }
  }

  list(): string {
    return (
      [...this.#tables]
        // The kernel makes these for their first rule.
        .filter(
          ([name, chains]) => !LATER.includes(name) || [...chains.values()].some((rules) => rules.length > 0),
        )
        .map(([name, chains]) =>
          [
            `*${name}`,
            ...[...chains.keys()].map((chain) => `:${chain} ${this.#policyOf(name, chain)} [0:0]`),
            ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
            'COMMIT\n',
          ].join('\n'),
        )
        .join('') + this.#listSets()
    );
  }

  #listSets(): string {
    if (this.#sets.size === 0) return '';
    const lines = [...this.#sets].flatMap(([name, elements]) => [
      `create ${name}`,
      ...[...elements].map((one) => `add ${name} ${one}`),
    ]);
    return ['*ipset', ...lines, 'COMMIT', ''].join('\n');
  }

  #runSetLine(line: string): void {
    const [verb, name = '', element = ''] = line.split(' ');
    const set = this.#sets.get(name);
    if ((verb === 'create') === (set !== undefined))
      throw new Error(`${set ? 'there is' : 'no'} such set: ${line}`);
    if (verb === 'create') this.#sets.set(name, new Set());
    else if (verb === 'add' && set?.has(element) === false) set.add(element);
    else if (verb === 'destroy' && !this.#isLookedInto(name)) this.#sets.delete(name);
    else if (verb !== 'del' || set?.delete(element) !== true) throw new Error(`refused: ${line}`);
  }

  #isLookedInto(set: string): boolean {
    const rules = [...this.#tables.values()].flatMap((table) => [...table.values()].flat());
    return rules.some((rule) => rule.includes(`--match-set ${set} `));
  }

  #policyOf(table: string, chain: string): string {
    const isBuiltIn = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/.test(chain);
    return isBuiltIn ? (this.#policies.get(`${table} ${chain}`) ?? 'ACCEPT') : '-';
  }
}

const LATER = ['raw', 'mangle'];

type Tables = Map<string, Map<string, string[]>>;

function builtIn(names: readonly string[]): Map<string, string[]> {
  return new Map(names.map((name) => [name, []]));
}

function runLine(table: Map<string, string[]>, line: string): void {
  const [, declared] = /^:(\S+) - \[0:0\]$/.exec(line) ?? [];
  if (declared !== undefined) {
    table.set(declared, []);
    return;
  }
  const [, verb, name = '', rest = ''] = /^-([AIDX]) (\S+) ?(.*)$/.exec(line) ?? [];
  const rules = table.get(name);
  if (rules === undefined) throw new Error(`no chain ${name}: ${line}`);
  const [, at, inserted = rest] = /^(\d+) (.*)$/.exec(rest) ?? [];
  if (verb === 'A') rules.push(rest);
  else if (verb === 'I') {
    if (Number(at ?? 1) > rules.length + 1) throw new Error(`index too big: ${line}`);
    rules.splice(Number(at ?? 1) - 1, 0, inserted);
  } else if (verb === 'D') {
    const found = rules.indexOf(rest);
    if (found === -1) throw new Error(`no such rule: ${line}`);
    rules.splice(found, 1);
  } else if (verb === 'X') {
    if (rules.length > 0) throw new Error(`not empty: ${line}`);
    const used = [...table.values()]
      .flat()
      .find((rule) => rule.endsWith(`-j ${name}`) || rule.endsWith(`-g ${name}`));
    if (used !== undefined) throw new Error(`in use by ${used}: ${line}`);
    table.delete(name);
  } else throw new Error(`no such line: ${line}`);
}
