import { hostname } from 'node:os';
import { invalid } from '@causeway/shared/errors';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { parseAddress } from '@causeway/shared/net/cidr';
import { LOG_LEVELS, type LogLevel } from './logger.ts';

/** What the command line says, checked. */
export interface AgentConfig {
  readonly etcd: readonly string[];
  readonly name: string;
  readonly iface?: string;
  readonly publicIp?: string;
  /** Absent: not chosen on the command line. */
  readonly dataplane?: Dataplane;
  readonly stateDir: string;
  readonly runDir: string;
  readonly resyncSeconds: number;
  readonly leaseHours: number;
  readonly aliveSeconds: number;
  readonly logLevel: LogLevel;
}

/** The flags as typed, or as the environment has them. */
export interface RawConfig {
  readonly etcd: string;
  readonly name?: string;
  readonly iface?: string;
  readonly publicIp?: string;
  readonly dataplane?: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly resyncSeconds: string;
  readonly leaseHours: string;
  readonly aliveSeconds: string;
  readonly logLevel: string;
}

/** @throws CausewayError `invalid`, naming the flag and the value */
export function readConfig(raw: RawConfig): AgentConfig {
  return {
    etcd: etcdUrls(raw.etcd),
    name: nodeName(raw.name),
    ...(raw.iface === undefined ? {} : { iface: linkName(raw.iface) }),
    ...(raw.publicIp === undefined ? {} : { publicIp: address('--public-ip', raw.publicIp) }),
    ...(raw.dataplane === undefined ? {} : { dataplane: oneOf('--dataplane', raw.dataplane, DATAPLANES) }),
    stateDir: directory('--state-dir', raw.stateDir),
    runDir: directory('--run-dir', raw.runDir),
    resyncSeconds: whole('--resync-seconds', raw.resyncSeconds, 1, 86_400),
    leaseHours: whole('--lease-hours', raw.leaseHours, 1, 8_760),
    aliveSeconds: whole('--alive-seconds', raw.aliveSeconds, 2, 3_600),
    logLevel: oneOf('--log-level', raw.logLevel, LOG_LEVELS),
  };
}

function etcdUrls(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '') return part;
    throw invalid('--etcd', part, 'is no URL like http://192.168.122.11:2379');
  });
}

function nodeName(typed: string | undefined): string {
  // A host's own name may be qualified and in capitals; what was typed is taken as it is.
  const name = typed ?? (hostname().toLowerCase().split('.')[0] || 'localhost');
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw invalid('--name', name, 'is no name: use 1 to 63 of a-z, 0-9 and -, not starting or ending with -');
}

function linkName(text: string): string {
  if (text === 'lo') throw invalid('--iface', text, 'is the loopback link: it leads to no other host');
  if (/^[\w.:@-]{1,15}$/.test(text)) return text;
  throw invalid('--iface', text, 'is no name of a link');
}

function address(flag: string, text: string): string {
  if (text.startsWith('127.') && parseAddress(text) !== undefined)
    throw invalid(flag, text, 'is a loopback address: no other host reaches it');
  if (parseAddress(text) !== undefined) return text;
  throw invalid(flag, text, 'is no IPv4 address');
}

function directory(flag: string, text: string): string {
  if (text.startsWith('/') && !text.includes('\0')) return text.replace(/(?<=.)\/+$/, '');
  throw invalid(flag, text, 'is no absolute path');
}

function whole(flag: string, text: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalid(flag, text, `is no whole number from ${min} to ${max}`);
}

function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw invalid(flag, text, `is none of ${choices.join(', ')}`);
}
