/** What a host's kernel lists, as the page shows it. */
export interface Listing {
  /** Maps and sets; iptables has ipsets. */
  readonly maps: readonly ListedMap[];
  readonly chains: readonly ListedChain[];
}

export interface ListedMap {
  readonly name: string;
  /** `map services` and what it is made of, without its elements. */
  readonly declaration: string;
  /** Sorted. */
  readonly elements: readonly string[];
}

export interface ListedChain {
  /** With iptables its table in front: `nat CWY-SERVICES`. */
  readonly name: string;
  /** Where the kernel asks the chain: `type nat hook prerouting priority dstnat`. Empty: only others lead to it. */
  readonly hook: string;
  /** In their order, as they are listed but for what differs between two runs. */
  readonly rules: readonly string[];
}

/**
 * Reads `nft list table ip causeway`. Comments lose the fingerprint that ends them.
 *
 * @throws Error for a line that it does not know
 */
export function readNftables(text: string): Listing {
  const maps: ListedMap[] = [];
  const chains: ListedChain[] = [];
  for (const [, kind = '', name = '', body = ''] of text.matchAll(/^\t(\w+) (\S+) \{\n([\s\S]*?)^\t\}$/gm)) {
    if (kind === 'chain') chains.push(nftChain(name, linesOf(body)));
    else maps.push(nftMap(kind, name, body));
  }
  const read = text.replace(/^\t\w+ \S+ \{\n[\s\S]*?^\t\}$/gm, '').replace(/^table ip6? \S+ \{$|^\}$/gm, '');
  if (read.trim() !== '') throw new Error(`a listing of nft holds what is not known: ${read.trim()}`);
  return { maps, chains };
}

function nftChain(name: string, lines: readonly string[]): ListedChain {
  const hook = lines.find((line) => line.startsWith('type '))?.replace(/; policy accept;$/, '') ?? '';
  const rules = lines.filter((line) => !line.startsWith('type '));
  return { name, hook, rules: rules.map((rule) => rule.replace(/ \[[0-9a-f]{6}\]"$/, '"')) };
}

function nftMap(kind: string, name: string, body: string): ListedMap {
  const [, elements = ''] = /elements = \{([\s\S]*)\}/.exec(body) ?? [];
  const type = linesOf(body.replace(/elements = \{[\s\S]*\}/, '')).join('; ');
  return {
    name,
    declaration: `${kind} ${name} { ${type} }`,
    elements: elements
      .split(',')
      .map((element) => element.trim())
      .filter((element) => element !== '')
      .sort(),
  };
}

function linesOf(body: string): string[] {
  return body
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/**
 * Reads `iptables-save`: our chains, and in the kernel's own what leads to ours. What others have is left out.
 *
 * @param prefix of our chains
 */
export function readIptables(text: string, prefix: string): Listing {
  const chains = new Map<string, string[]>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const [, declared] = /^:(\S+) /.exec(line) ?? [];
    if (declared?.startsWith(prefix)) chains.set(`${table} ${declared}`, []);
    const [, chain = ''] = /^-A (\S+) /.exec(line) ?? [];
    if (chain.startsWith(prefix) || line.includes(` -j ${prefix}`)) {
      const name = `${table} ${chain}`;
      chains.set(name, [...(chains.get(name) ?? []), line]);
    }
  }
  return { maps: [], chains: [...chains].map(([name, rules]) => ({ name, hook: '', rules })) };
}

/** Reads `ipset save`: our sets, without what differs between two runs. @param prefix of the family's sets */
export function readIpsets(text: string, prefix: string): readonly ListedMap[] {
  const lines = text.split('\n').map((line) => line.split(' '));
  return lines
    .filter(([verb, name]) => verb === 'create' && name?.startsWith(prefix))
    .map(([, name = '', type]) => ({
      name,
      declaration: `${name} ${type}`,
      elements: lines
        .flatMap(([verb, set, element = '']) => (verb === 'add' && set === name ? [element] : []))
        .sort(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
