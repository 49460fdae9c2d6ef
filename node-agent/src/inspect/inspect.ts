import { readFile } from 'node:fs/promises';
import { messageOf } from '@causeway/shared/errors';
import type { NetLine, NetSection, NetStack } from '@causeway/shared/model/net-stack';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { addressLines, neighbourLines, routeLines, routingRuleLines, sysctlLines } from './lines.ts';
import { type ListedLink, linkLines, ourLinks, parseLinks, parseNamespaces } from './links.ts';
import { ipsetLines, iptablesLines, nftLines } from './rules.ts';

/** A network namespace that somebody wants to see. */
export interface Namespace {
  /** Whose it is, as `NetStack.of`. */
  readonly of: string;
  /** Absent: the agent's own, the host's. */
  readonly path?: string;
}

const SYSCTL_ROOT = '/proc/sys';
const SYSCTLS = [
  ...['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'],
  ...['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables'],
  ...[
    'net/netfilter/nf_conntrack_max',
    'net/ipv4/ip_local_port_range',
    'net/ipv4/ip_unprivileged_port_start',
  ],
];
const LINK_SYSCTLS = [
  ...['net/ipv4/conf/*/rp_filter', 'net/ipv4/conf/*/send_redirects', 'net/ipv4/conf/*/proxy_arp'],
  ...['net/ipv6/conf/*/disable_ipv6', 'net/ipv6/conf/*/accept_ra'],
];
const SAVES = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'];

/**
 * No host has all of the files that are looked for: IPv6 may be off, for one link too, and modules are not loaded. Without
 * its module ipset fails.
 */
const OK_CODES: Readonly<Record<string, readonly number[]>> = { grep: [1, 2], ipset: [1] };

/** Runs a program in the namespace. @returns what it prints */
type Inside = (program: string, ...args: string[]) => Promise<string>;

/**
 * Everything of a network namespace. What cannot be found out is told in its section.
 *
 * @param sysctlFile where the agent notes which settings it has changed
 */
export async function inspectNamespace(namespace: Namespace, sysctlFile: string): Promise<NetStack> {
  const { of, path } = namespace;
  // Not by `ip netns exec`, which would show another /sys.
  const enter = path === undefined ? [] : [`--net=${path}`, '--'];
  const inside: Inside = async (program, ...args) => {
    const doing = `looking at the network of ${of}`;
    const [first, rest] = path === undefined ? [program, args] : ['nsenter', [...enter, program, ...args]];
    return (await run(first, rest, { doing, okCodes: OK_CODES[program] ?? [] })).stdout;
  };
  const both = async (...args: string[]) =>
    `${await inside('ip', '-4', ...args)}\n${await inside('ip', '-6', ...args)}`;
  const links = await inside('ip', '-j', '-d', 'link').then(parseLinks);
  const ours = ourLinks(links, path !== undefined);
  return {
    of,
    sections: await Promise.all([
      section('links', async () => {
        const namespaces = parseNamespaces(await inside('ip', 'netns', 'list-id').catch(() => ''));
        return linkLines(links, { ours, namespaces });
      }),
      section('addresses', async () => addressLines(await inside('ip', '-o', 'address'), ours)),
      section('routes', async () => routeLines(await both('route', 'show', 'table', 'all'), ours)),
      section('rules of routing, IPv4', async () => routingRuleLines(await inside('ip', '-4', 'rule'))),
      section('rules of routing, IPv6', async () => routingRuleLines(await inside('ip', '-6', 'rule'))),
      section('neighbours', async () =>
        neighbourLines(`${await both('neighbour')}\n${await forwarding(inside)}`, ours),
      ),
      ...packetFilters(inside),
      section('sysctls', async () => {
        const found = await inside('grep', '-s', '-H', '.', ...sysctlPaths(links));
        return sysctlLines(found, path === undefined ? await settings(sysctlFile) : new Set());
      }),
    ]),
  };
}

function packetFilters(inside: Inside): readonly Promise<NetSection>[] {
  const nft = isInstalled('nft')
    ? [section('nftables', async () => nftLines(await inside('nft', 'list', 'ruleset')))]
    : [];
  const saves = SAVES.filter((tool) => isInstalled(`${tool}-save`)).map((tool) =>
    section(tool, async () => iptablesLines(await inside(`${tool}-save`))),
  );
  const sets = isInstalled('ipset')
    ? [section('ipset', async () => ipsetLines(await inside('ipset', 'save')))]
    : [];
  return [...nft, ...saves, ...sets];
}

/** What a tunnel knows of other hosts. */
async function forwarding(inside: Inside): Promise<string> {
  if (!isInstalled('bridge')) return '';
  const listed = await inside('bridge', 'fdb', 'show').catch(() => '');
  return listed
    .split('\n')
    .filter((line) => /\bdst\b/.test(line))
    .join('\n');
}

async function section(title: string, read: () => Promise<readonly NetLine[]>): Promise<NetSection> {
  try {
    return { title, lines: await read() };
  } catch (error) {
    return { title, lines: [], fault: messageOf(error) };
  }
}

/** The ends of containers on the host are all alike, and may be hundreds. */
function sysctlPaths(links: readonly ListedLink[]): readonly string[] {
  const shown = links.filter(({ master, ifname }) => master === undefined && ifname !== 'lo');
  const names = ['all', ...shown.map(({ ifname }) => ifname)];
  const ofLinks = names.flatMap((name) => LINK_SYSCTLS.map((path) => path.replace('*', name)));
  return [...SYSCTLS, ...ofLinks].map((path) => `${SYSCTL_ROOT}/${path}`);
}

async function settings(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  try {
    return new Set(Object.keys(JSON.parse(text)));
  } catch {
    return new Set();
  }
}
