import { readFile } from 'node:fs/promises';
import type { Listener } from '@causeway/shared/model/listener';
import { blockHasIp, formatIp, type Ip, isMapped, parseBlock } from '@causeway/shared/net/block';

/** The kernel's lists of sockets, each with the state of one that waits for whoever comes (Linux, tcp_states.h). */
const LISTS = [
  { protocol: 'tcp', files: ['tcp', 'tcp6'], waiting: '0A' },
  // A socket of UDP that is connected to somebody hears him alone.
  { protocol: 'udp', files: ['udp', 'udp6'], waiting: '07' },
] as const;

/** Loopback and groups: nobody comes from another host to an address of these. */
const APART = ['127.0.0.0/8', '224.0.0.0/4', '::1/128', 'ff00::/8'].flatMap((text) => parseBlock(text) ?? []);

/** Where programs of this host wait for TCP connections or UDP packets, but for what goes to loopback or to groups. */
export async function listeners(): Promise<readonly Listener[]> {
  const found = await Promise.all(
    LISTS.flatMap(({ protocol, files, waiting }) =>
      files.map(async (file) => {
        // A host without IPv6 has no list of it.
        const text = await readFile(`/proc/net/${file}`, 'utf8').catch(() => '');
        return parseSockets(text, waiting).map((place) => ({ protocol, ...place }));
      }),
    ),
  );
  return found.flat();
}

/** PURE. From `/proc/net/tcp` and the like: `0: 0100007F:1F90 00000000:0000 0A …`. */
export function parseSockets(text: string, waiting: string): readonly Omit<Listener, 'protocol'>[] {
  return text.split('\n').flatMap((line) => {
    const [, hex = '', port = '', state] =
      /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line) ?? [];
    if (state !== waiting) return [];
    const ip = ipOf(hex);
    return isApart(ip) ? [] : [{ address: formatIp(ip), port: Number.parseInt(port, 16) }];
  });
}

/** As the kernel has it in memory, four bytes at a time, of which a processor like x86's has the last one first. */
function ipOf(hex: string): Ip {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.map((word) => (word.match(/../g) ?? []).reverse().join('')).join('');
  const ip = { family: words.length === 1 ? 'ipv4' : 'ipv6', value: BigInt(`0x${bytes}`) } as const;
  return isMapped(ip) ? { family: 'ipv4', value: ip.value & 0xffff_ffffn } : ip;
}

function isApart(ip: Ip): boolean {
  return APART.some((block) => blockHasIp(block, ip));
}
