import { invalid } from './errors.ts';

/** The flags that say what the network is, as they are typed: the controller's of its first one, and svcctl's. */
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

/** What they say, by the names of the REST API; what was not typed is absent. */
export interface NetworkAsked {
  readonly network?: string;
  readonly networkIpv6?: string;
  readonly subnetLen?: number;
  readonly subnetLenIpv6?: number;
  readonly backend?: string;
  readonly directRouting?: boolean;
  readonly fallback?: string;
  readonly vni?: number;
  readonly port?: number;
  readonly mtu?: number;
  readonly masquerade?: boolean;
  readonly nonMasqueradeCidrs?: readonly string[];
}

/** @throws CausewayError `invalid`, naming flag and value; whether the parts fit each other is not looked at */
export function readNetworkFlags(flags: NetworkFlags): NetworkAsked {
  const asked: { -readonly [K in keyof NetworkAsked]: NetworkAsked[K] } = {};
  for (const name of ['network', 'networkIpv6', 'backend', 'fallback'] as const) {
    if (flags[name] !== undefined) asked[name] = flags[name];
  }
  if (flags.subnetLen !== undefined) asked.subnetLen = subnetLen('subnet-len', flags.subnetLen, 24);
  if (flags.subnetLenIpv6 !== undefined)
    asked.subnetLenIpv6 = subnetLen('subnet-len-ipv6', flags.subnetLenIpv6, 64);
  for (const name of ['vni', 'port', 'mtu'] as const) {
    const text = flags[name];
    if (text !== undefined) asked[name] = whole(name, text);
  }
  if (flags.directRouting !== undefined) asked.directRouting = truth('direct-routing', flags.directRouting);
  if (flags.masquerade !== undefined) asked.masquerade = truth('masquerade', flags.masquerade);
  if (flags.nonMasquerade !== undefined) asked.nonMasqueradeCidrs = listed(flags.nonMasquerade);
  return asked;
}

/** The flag that says a field of the API: `subnetLenIpv6` → `subnet-len-ipv6`. */
export function networkFlagOf(field: string): string {
  if (field.startsWith('nonMasqueradeCidrs')) return field.replace('nonMasqueradeCidrs', 'non-masquerade');
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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

function listed(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}
