import type { ServiceIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { safe } from '../safe.ts';
import { comment } from './part.ts';

/** How iptables and ip6tables differ where they say the same. */
interface Words {
  /** Prefix length of one address. */
  readonly host: number;
  readonly reject: string;
}

export const WORDS: Readonly<Record<Family, Words>> = {
  ipv4: { host: 32, reject: 'icmp-port-unreachable' },
  ipv6: { host: 128, reject: 'icmp6-port-unreachable' },
};

/** One address as iptables-save lists it: `10.10.1.2/32`. */
export function host(address: string, family: Family): string {
  return `${safe.address(address, family)}/${WORDS[family].host}`;
}

/** Address and port of a translation: `10.10.1.2:80`, `[fd00::2]:80`. */
export function target(address: string, port: number, family: Family): string {
  const checked = safe.address(address, family);
  return `${family === 'ipv6' ? `[${checked}]` : checked}:${safe.port(port)}`;
}

/** `-s CIDR ` or `-d CIDR `, which iptables-save leaves out where the CIDR is every address. */
export function within(side: '-s' | '-d', cidr: string, family: Family): string {
  const checked = safe.cidr(cidr, family);
  return checked.endsWith('/0') ? '' : `${side} ${checked} `;
}

/** Protocol and port of a packet for a service, with the service's id as comment. */
export function match(service: ServiceIntent, port: number): string {
  const protocol = safe.protocol(service.protocol);
  return `-p ${protocol} ${comment(safe.id(service.id))} -m ${protocol} --dport ${safe.port(port)}`;
}
