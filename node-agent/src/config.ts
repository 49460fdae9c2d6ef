import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { invalid, messageOf } from '@causeway/shared/errors';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { BRIDGE, LINK_PREFIX } from '@causeway/shared/names';
import { blockHasIp, canonicalIp, type Ip, parseBlock, parseIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { type EtcdFlags, type EtcdSettings, readEtcdFlags } from '@causeway/shared/store/etcd-options';
import { DEFAULT_ENGINES, type Engines } from './containers/attach/seek.ts';
import type { FactsRequest } from './kernel/kernel.ts';
import { LOG_LEVELS, type LogLevel } from './logger.ts';

/** What the command line says, checked. */
export interface AgentConfig {
  readonly etcd: EtcdSettings;
  readonly name: string;
  /** How the link and the addresses on the hosts' network are chosen. */
  readonly address: Omit<FactsRequest, 'name' | 'id' | 'known'>;
  /** Absent: not chosen on the command line. */
  readonly dataplane?: Dataplane;
  readonly stateDir: string;
  readonly runDir: string;
  /** Where engines tell of containers that are not ours. */
  readonly engines: Engines;
  /** flannel's file of this host's subnet; absent: none is written. */
  readonly subnetFile?: string;
  /** Where the health pages are; absent: nowhere. */
  readonly health?: HealthAddress;
  /** Where controllers and other agents reach this one; absent: nowhere. */
  readonly api?: ApiAddress;
  /** Of one image, unpacked. */
  readonly imageMaxBytes: number;
  readonly resyncSeconds: number;
  readonly leaseHours: number;
  readonly aliveSeconds: number;
  readonly logLevel: LogLevel;
}

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

export interface ApiAddress {
  /** Absent: the host's own on the hosts' network, also after it has changed. */
  readonly address?: string;
  readonly port: number;
}

/** The flags as typed, or as the environment has them. */
export interface RawConfig extends EtcdFlags {
  readonly name?: string;
  readonly iface?: string;
  readonly ifaceRegex?: string;
  readonly ifaceCanReach?: string;
  readonly publicIp?: string;
  readonly publicIpv6?: string;
  /** Absent: the usual one. */
  readonly bridge?: string;
  readonly dataplane?: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly dockerSocket?: string;
  readonly containerdDir?: string;
  readonly subnetFile: string;
  readonly healthAddr: string;
  readonly apiAddr: string;
  readonly imageMaxBytes: string;
  readonly resyncSeconds: string;
  readonly leaseHours: string;
  readonly aliveSeconds: string;
  readonly logLevel: string;
}

/**
 * @param password etcd's, which no flag has
 * @throws CausewayError `invalid`, naming the flag and the value, and never a password
 */
export function readConfig(raw: RawConfig, password?: string): AgentConfig {
  const health = healthAddress(raw.healthAddr);
  const api = apiAddress(raw.apiAddr);
  return {
    etcd: readEtcdFlags(raw, password),
    name: nodeName(raw.name),
    address: addressChoice(raw),
    ...(raw.dataplane === undefined ? {} : { dataplane: oneOf('--dataplane', raw.dataplane, DATAPLANES) }),
    stateDir: directory('--state-dir', raw.stateDir),
    runDir: directory('--run-dir', raw.runDir),
    engines: {
      dockerSocket: file('--docker-socket', raw.dockerSocket ?? DEFAULT_ENGINES.dockerSocket),
      containerdDir: directory('--containerd-dir', raw.containerdDir ?? DEFAULT_ENGINES.containerdDir),
    },
    ...(raw.subnetFile === 'none' ? {} : { subnetFile: file('--subnet-file', raw.subnetFile) }),
    ...(health === undefined ? {} : { health }),
    ...(api === undefined ? {} : { api }),
    imageMaxBytes: whole('--image-max-bytes', raw.imageMaxBytes, 1, Number.MAX_SAFE_INTEGER),
    resyncSeconds: whole('--resync-seconds', raw.resyncSeconds, 1, 86_400),
    leaseHours: whole('--lease-hours', raw.leaseHours, 1, 8_760),
    aliveSeconds: whole('--alive-seconds', raw.aliveSeconds, 2, 3_600),
    logLevel: oneOf('--log-level', raw.logLevel, LOG_LEVELS),
  };
}

function addressChoice(raw: RawConfig): AgentConfig['address'] {
  const { iface, ifaceRegex, ifaceCanReach, publicIp, publicIpv6 } = raw;
  return {
    ...(iface === undefined ? {} : { iface: linkOrAddress(iface) }),
    ...(ifaceRegex === undefined ? {} : { ifacePattern: pattern('--iface-regex', ifaceRegex) }),
    ...(ifaceCanReach === undefined ? {} : { canReach: address('--iface-can-reach', ifaceCanReach) }),
    ...(publicIp === undefined ? {} : { publicIp: address('--public-ip', publicIp, 'ipv4') }),
    ...(publicIpv6 === undefined ? {} : { publicIpv6: address('--public-ipv6', publicIpv6, 'ipv6') }),
    ...(raw.bridge === undefined || raw.bridge === BRIDGE ? {} : { bridge: bridgeName(raw.bridge) }),
  };
}

function nodeName(typed: string | undefined): string {
  // A host's own name may be qualified and in capitals; what was typed is taken as it is.
  const name = typed ?? (hostname().toLowerCase().split('.')[0] || 'localhost');
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw invalid('--name', name, 'is no name: use 1 to 63 of a-z, 0-9 and -, not starting or ending with -');
}

function linkOrAddress(text: string): string {
  if (parseIp(text) !== undefined) return address('--iface', text);
  if (text === 'lo') throw invalid('--iface', text, 'is the loopback link: it leads to no other host');
  if (/^[\w.:@-]{1,15}$/.test(text)) return text;
  throw invalid('--iface', text, 'is no name of a link and no address');
}

function bridgeName(text: string): string {
  if (!/^[\w.-]{1,15}$/.test(text) || text === '.' || text === '..')
    throw invalid('--bridge', text, 'is no name of a link: use 1 to 15 of A-Z, a-z, 0-9, "_", "-" and "."');
  if (text === 'lo') throw invalid('--bridge', text, 'is the loopback link');
  if (!text.startsWith(LINK_PREFIX)) return text;
  throw invalid(
    '--bridge',
    text,
    `begins with ${LINK_PREFIX} as Causeway's other links do: only ${BRIDGE} may`,
  );
}

function pattern(flag: string, text: string): string {
  if (text === '') throw invalid(flag, text, 'is empty and would match everything');
  try {
    new RegExp(text);
    return text;
  } catch (error) {
    // V8 repeats the whole expression before its reason.
    const reason = messageOf(error).split(': ').at(-1) ?? '';
    throw invalid(flag, text, `is no regular expression: ${reason}`);
  }
}

/** What an address of a host can never be, and why. */
const USELESS: readonly (readonly [block: string, reason: string])[] = [
  ['0.0.0.0/8', 'is no address of a host'],
  ['::/128', 'is no address of a host'],
  ['127.0.0.0/8', 'is a loopback address: no other host reaches it'],
  ['::1/128', 'is a loopback address: no other host reaches it'],
  ['169.254.0.0/16', 'is a link-local address: it has a meaning on one link only'],
  ['fe80::/10', 'is a link-local address: it has a meaning on one link only'],
  ['224.0.0.0/4', 'is a multicast address'],
  ['ff00::/8', 'is a multicast address'],
];

/** @returns its canonical form */
function address(flag: string, text: string, family?: Family): string {
  const ip = parseIp(text);
  if (ip === undefined || (family !== undefined && ip.family !== family)) {
    throw invalid(flag, text, `is no ${family === undefined ? '' : `${FAMILY_NAMES[family]} `}address`);
  }
  const reason = USELESS.find(([block]) => isIn(block, ip))?.[1];
  if (reason !== undefined) throw invalid(flag, text, reason);
  return canonicalIp(text) ?? text;
}

function isIn(text: string, ip: Ip): boolean {
  const block = parseBlock(text);
  return block !== undefined && blockHasIp(block, ip);
}

/** `127.0.0.1:7481`, `[::1]:7481`, or `off`. */
function healthAddress(text: string): HealthAddress | undefined {
  if (text === 'off') return undefined;
  const { host, port } = addressAndPort(text) ?? {};
  const isHost = host !== undefined && (isIP(host) > 0 || host === 'localhost');
  if (isHost && port !== undefined) return { host, port };
  throw invalid('--health-addr', text, 'is neither ADDRESS:PORT, like 127.0.0.1:7481, nor off');
}

/** `:7482`, `192.168.122.11:7482`, `[fd00::b]:7482`, or `off`. */
function apiAddress(text: string): ApiAddress | undefined {
  if (text === 'off') return undefined;
  const { host, port } = addressAndPort(text) ?? {};
  if (host === '' && port !== undefined) return { port };
  const address = canonicalIp(host ?? '');
  if (address === undefined || port === undefined)
    throw invalid('--api-addr', text, 'is neither ADDRESS:PORT, nor :PORT, like :7482, nor off');
  // It is told to others as it is.
  if (address === '0.0.0.0' || address === '::')
    throw invalid('--api-addr', text, 'is every address of this host; name the one that controllers reach');
  return { address, port };
}

/** IPv6 in brackets, and only it. */
function addressAndPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  if (bracketed !== undefined && isIP(host) !== 6) return undefined;
  return Number(port) >= 1 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined;
}

function directory(flag: string, text: string): string {
  return file(flag, text).replace(/(?<=.)\/+$/, '');
}

function file(flag: string, text: string): string {
  if (text.startsWith('/') && !text.includes('\0')) return text;
  throw invalid(flag, text, 'is no absolute path');
}

function whole(flag: string, text: string, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(flag, text, `is no whole number from ${min} to ${max}`);
}

function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw invalid(flag, text, `is none of ${choices.join(', ')}`);
}
