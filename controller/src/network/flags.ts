import { invalid } from '@causeway/shared/errors';
import type { NetworkPatch } from './patch.ts';

/** The flags of the first configuration, as they are typed. */
export interface NetworkFlags {
  readonly network?: string;
  readonly networkIpv6?: string;
  readonly subnetLen?: string;
  readonly subnetLenIpv6?: string;
  readonly backend?: string;
  readonly directRouting?: string | boolean;
  readonly fallback?: string;
  readonly vni?: string;
  readonly port?: string;
  readonly mtu?: string;
  readonly masquerade?: string;
  readonly nonMasquerade?: string;
}

/** Each flag's name and place-holder, and what it is. */
export const NETWORK_FLAGS: readonly (readonly [flag: string, text: string])[] = [
  ['--network <cidr>', 'IPv4 network of all containers, or "none" (default of a new cluster: 10.10.0.0/16)'],
  ['--network-ipv6 <cidr>', 'IPv6 network of all containers (default of a new cluster: none)'],
  ['--subnet-len <n>', "prefix length of each host's IPv4 subnet"],
  ['--subnet-len-ipv6 <n>', "prefix length of each host's IPv6 subnet"],
  ['--backend <type>', 'how hosts reach each other: host-gw or vxlan (default of a new cluster: host-gw)'],
  ['--direct-routing [flag]', 'with vxlan: hosts on the same link get plain routes'],
  ['--fallback <type>', 'with host-gw: "vxlan" reaches the hosts on other links through a tunnel'],
  ['--vni <n>', "number of the tunnel's network (default: 1)"],
  ['--port <n>', "UDP port of the tunnel (default: the kernel's 8472)"],
  ['--mtu <n>', "bytes that the hosts' link carries (default: what each link says)"],
  ['--masquerade <flag>', 'whether containers talk to the outside with their host’s address (default: true)'],
  ['--non-masquerade <cidrs>', 'destinations that see the containers’ own addresses, separated by commas'],
];

const COUNTED = [
  ['vni', 'vni'],
  ['port', 'port'],
  ['mtu', 'mtu'],
] as const;

/** @throws CausewayError `invalid`, naming flag and value; whether the parts fit each other is not looked at */
export function networkPatchOf(flags: NetworkFlags): NetworkPatch {
  const patch: { -readonly [K in keyof NetworkPatch]: NetworkPatch[K] } = {};
  for (const name of ['network', 'networkIpv6', 'backend', 'fallback'] as const) {
    if (flags[name] !== undefined) patch[name] = flags[name];
  }
  if (flags.subnetLen !== undefined) patch.subnetLen = subnetLen('subnet-len', flags.subnetLen, 24);
  if (flags.subnetLenIpv6 !== undefined)
    patch.subnetLenIpv6 = subnetLen('subnet-len-ipv6', flags.subnetLenIpv6, 64);
  for (const [name, flag] of COUNTED) {
    const text = flags[name];
    if (text !== undefined) patch[name] = whole(flag, text);
  }
  if (flags.directRouting !== undefined) patch.directRouting = truth('direct-routing', flags.directRouting);
  if (flags.masquerade !== undefined) patch.masquerade = truth('masquerade', flags.masquerade);
  if (flags.nonMasquerade !== undefined) {
    const parts = flags.nonMasquerade.split(',').map((part) => part.trim());
    patch.nonMasqueradeCidrs = parts.length === 1 && parts[0] === '' ? [] : parts;
  }
  return patch;
}

function subnetLen(flag: string, text: string, example: number): number {
  if (!/^\d{1,3}$/.test(text)) throw invalid(flag, text, `is not a prefix length such as ${example}`);
  return Number(text);
}

function whole(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(flag, text, 'is not a whole number');
  return Number(text);
}

function truth(flag: string, value: string | boolean): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(flag, value, 'is neither "true" nor "false"');
}
