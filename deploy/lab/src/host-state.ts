/**
 * What a machine's kernel holds of links, addresses, routes, rules and sysctls, to compare it before and after.
 * By section, sorted lines.
 */
export type HostState = Readonly<Record<string, readonly string[]>>;

/**
 * Lists it all in one go; run by `sh -c` on the machine. The tables of iptables-legacy are named, since in an
 * ordinary user's namespace nobody may read which there are.
 */
export const STATE_SCRIPT = `
echo '#links'; ip -o link show
echo '#addresses'; ip -o -4 address show; ip -o -6 address show scope global
echo '#routes'; ip -4 route show table all; ip -6 route show table all
echo '#policy'; ip -4 rule show; ip -6 rule show
echo '#nftables'; nft list ruleset
echo '#iptables'; for table in raw mangle nat filter; do iptables-legacy-save -t $table; ip6tables-legacy-save -t $table; done
echo '#netns'; ip netns list
echo '#sysctls'; grep -rs '' /proc/sys/net
true
`;

/** Sysctls that count or draw lots. */
const RESTLESS =
  /nf_conntrack_count|fastopen_key|stable_secret|\/ipv6\/route\/flush|tcp_available|tcp_allowed/;

/** Reads the output of STATE_SCRIPT. */
export function parseState(output: string): HostState {
  const state: Record<string, string[]> = {};
  let section: string[] = [];
  for (const line of output.split('\n')) {
    const heading = /^#([a-z]+)$/.exec(line)?.[1];
    if (heading !== undefined) {
      section = [];
      state[heading] = section;
    } else if (line.trim() !== '' && !line.startsWith('#') && !RESTLESS.test(line)) {
      section.push(line.replace(/\[\d+:\d+\]|\bqlen \d+/g, '').trimEnd());
    }
  }
  for (const [name, lines] of Object.entries(state)) {
    state[name] = name === 'iptables' ? withoutEmptyTables(lines) : lines.sort();
  }
  return state;
}

/** One sentence for each line that is new or gone; empty when nothing differs. */
export function differences(before: HostState, after: HostState): string[] {
  const sections = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...sections].flatMap((section) => {
    const was = before[section] ?? [];
    const is = after[section] ?? [];
    return [
      ...without(is, was).map((line) => `${section}: new: ${line}`),
      ...without(was, is).map((line) => `${section}: gone: ${line}`),
    ];
  });
}

/** Multiset difference, so that a doubled line counts. */
function without(lines: readonly string[], taken: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of taken) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

/** A table that was only looked at is listed ever after, with its policies and no rule: that is no change. */
function withoutEmptyTables(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^\*|^COMMIT$|^:[A-Z]+ ACCEPT\s*$/.test(line)).sort();
}
