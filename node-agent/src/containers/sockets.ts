import { readFile } from 'node:fs/promises';
import { formatIp, parseIp } from '@causeway/shared/net/block';

/** States of /proc/net/tcp (linux/tcp_states.h): listening; and of a UDP socket that has no partner. */
const LISTEN = '0A';
const UNCONNECTED = '07';
const TABLES: Readonly<Record<string, string>> = {
  tcp: LISTEN,
  tcp6: LISTEN,
  udp: UNCONNECTED,
  udp6: UNCONNECTED,
};

/**
 * Which of these addresses programs of a container are bound to: they would not notice that it has another.
 *
 * @param pid any process of the container, in the host's numbers
 * @returns `10.10.1.2:80/tcp`, sorted, without doubles; empty when there is no such process
 */
export async function boundTo(pid: number, addresses: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    Object.entries(TABLES).map(async ([table, state]) => {
      const text = await readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '');
      const waiting = parseSockets(text).filter((one) => one.state === state);
      const bound = waiting.filter(({ address }) => addresses.includes(address));
      return bound.map(({ address, port }) => `${endText(address, port)}/${table.slice(0, 3)}`);
    }),
  );
  return [...new Set(found.flat())].sort();
}

export interface Socket {
  readonly address: string;
  readonly port: number;
  /** Two hexadecimal digits. */
  readonly state: string;
}

/** PURE. From /proc/net/tcp, udp, tcp6 or udp6. */
export function parseSockets(text: string): readonly Socket[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line);
    if (match === null) return [];
    const [, hex = '', port = '', state = ''] = match;
    return { address: addressOf(hex), port: Number.parseInt(port, 16), state };
  });
}

/** The kernel prints the address as numbers of 32 bits in the machine's own order, which is the little end first. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse());
  const value = BigInt(`0x${bytes.join('')}`);
  return formatIp({ family: hex.length === 8 ? 'ipv4' : 'ipv6', value });
}

function endText(address: string, port: number): string {
  return parseIp(address)?.family === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;
}
