import { readFileSync } from 'node:fs';
import { formatIp } from '@causeway/shared/net/block';

/** What a network namespace holds, as far as /proc tells of it. */
export interface InsideFacts {
  readonly links: ReadonlySet<string>;
  /** By routes of links that are up: `eth0 10.10.1.0/24`, `eth0 0.0.0.0/0`, `eth0 fd00::2/128`. */
  readonly routes: ReadonlySet<string>;
}

/**
 * A namespace seen through a process in it: four small files, where a listing by `ip` would be two programs.
 *
 * @returns empty when there is no such process
 */
export function lookInside(pid: number): InsideFacts {
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/net/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  return {
    links: new Set(parseLinks(read('dev'))),
    routes: new Set([...parseIpv4Routes(read('route')), ...parseIpv6Routes(read('ipv6_route'))]),
  };
}

/** PURE. From /proc/net/dev, which has two lines of headings. */
export function parseLinks(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
}

/** PURE. From /proc/net/route: numbers of 32 bits in the machine's own order, which is the little end first. */
export function parseIpv4Routes(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [link, to, , , , , , mask] = line.trim().split(/\s+/);
    if (link === undefined || !/^[0-9A-F]{8}$/.test(to ?? '') || mask === undefined) return [];
    const value = BigInt(`0x${turned(to ?? '')}`);
    return `${link} ${formatIp({ family: 'ipv4', value })}/${ones(mask)}`;
  });
}

/** PURE. From /proc/net/ipv6_route, without what the kernel makes for its own addresses and for multicast. */
export function parseIpv6Routes(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [to = '', length = ''] = fields;
    const [flags = '', link = ''] = fields.slice(-2);
    const isLocal = (Number.parseInt(flags, 16) & RTF_LOCAL) !== 0;
    if (!/^[0-9a-f]{32}$/.test(to) || isLocal || link === 'lo') return [];
    const value = BigInt(`0x${to}`);
    return `${link} ${formatIp({ family: 'ipv6', value })}/${Number.parseInt(length, 16)}`;
  });
}

/** linux/ipv6_route.h */
const RTF_LOCAL = 0x80000000 | 0;

function turned(hex: string): string {
  return (hex.match(/../g) ?? []).reverse().join('');
}

function ones(hex: string): number {
  return [...Number.parseInt(hex, 16).toString(2)].filter((bit) => bit === '1').length;
}
