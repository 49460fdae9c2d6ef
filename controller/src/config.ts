import { hostname } from 'node:os';
import { CausewayError, invalid } from '@causeway/shared/errors';
import { CONTROLLER_PORT, CONTROLLER_SOCKET, STATE_DIR } from '@causeway/shared/names';
import { parseIp } from '@causeway/shared/net/block';
import { type NetworkFlags, readNetworkFlags } from '@causeway/shared/network-flags';
import {
  ETCD_FLAGS,
  ETCD_PASSWORD_ENV,
  type EtcdFlags,
  type EtcdSettings,
  readEtcdFlags,
} from '@causeway/shared/store/etcd-options';
import { VERSION } from '@causeway/shared/version';
import { Command, CommanderError, Option } from 'commander';
import type { Wanted } from './bootstrap.ts';
import { NETWORK_FLAGS } from './network/flags.ts';
import type { ListenOptions } from './serve.ts';
import type { OwnAddress } from './validate/ranges.ts';

export interface ControllerConfig {
  /** How etcd is reached. */
  readonly etcd: EtcdSettings;
  /** Whether that is one to be started here. */
  readonly startsEtcd: boolean;
  readonly etcdData: string;
  readonly etcdListen: string;
  readonly wanted: Wanted;
  readonly listen: ListenOptions;
  /** Names with dots at which users reach the API. */
  readonly names: readonly string[];
  readonly logLevel: string;
}

/** Where the etcd that we start answers us. */
const OWN_ETCD = 'http://127.0.0.1:2379';
/** Of `sockaddr_un`, without the NUL at its end. */
const MAX_SOCKET_BYTES = 107;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

interface Flags extends NetworkFlags, Omit<EtcdFlags, 'etcd'> {
  readonly etcd?: string;
  readonly etcdData: string;
  readonly etcdListen: string;
  readonly serviceRange?: string;
  readonly serviceRangeIpv6?: string;
  readonly nodePortRange?: string;
  readonly nodePortCidrs?: string;
  readonly listen: string;
  readonly serverNames?: string;
  readonly socket: string;
  readonly logLevel: string;
}

/**
 * Reads flags and environment.
 *
 * @param args without the program's own name
 * @param say takes help and usage texts
 * @returns undefined when help or the version was asked for, and printed
 * @throws CausewayError `invalid`
 */
export function readConfig(
  args: readonly string[],
  say: (text: string) => void,
): ControllerConfig | undefined {
  const command = program().configureOutput({ writeOut: say, writeErr: () => {} });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    const reason = error instanceof Error ? error.message.replace(/^error: /, '') : String(error);
    throw new CausewayError('invalid', `reading the command line: ${reason}`, { cause: error });
  }
  const flags = command.opts<Flags>();
  const startsEtcd = flags.etcd === undefined;
  const etcd = etcdOf(flags);
  const tcp = address(flags.listen);
  const own = ownAddresses(flags, tcp.host, startsEtcd ? undefined : etcd.endpoints);
  return {
    etcd,
    startsEtcd,
    etcdData: flags.etcdData,
    etcdListen: flags.etcdListen,
    wanted: { ...wantedOf(flags), ...(own.length === 0 ? {} : { own }) },
    listen: { ...tcp, ...(flags.socket === 'none' ? {} : { socket: socketPath(flags.socket) }) },
    names: [hostname(), tcp.host, ...serverNames(flags.serverNames)],
    logLevel: flags.logLevel,
  };
}

function program(): Command {
  const option = (flags: string, text: string) => {
    const made = new Option(flags, text);
    return made.env(variableOf(made.name()));
  };
  const command = new Command('causeway-controller')
    .description('REST API of Causeway: validates, allocates, resolves. Never in the path of a packet.')
    .version(VERSION)
    .exitOverride()
    .allowExcessArguments(false)
    .addOption(option('--etcd <urls>', 'etcd to use, separated by commas (default: start one here)'))
    .addOption(option('--etcd-data <dir>', "directory of our own etcd's data").default(`${STATE_DIR}/etcd`))
    .addOption(
      option('--etcd-listen <ip>', 'address at which agents reach our own etcd').default('127.0.0.1'),
    )
    .addOption(
      option('--service-range <cidr>', 'where VIPs are allocated (default of a new cluster: 10.96.0.0/16)'),
    )
    .addOption(
      option(
        '--service-range-ipv6 <cidr>',
        'where VIPs of IPv6 are allocated, or "none" (default of a new cluster: fd00:10:96::/112)',
      ),
    )
    .addOption(option('--node-port-range <a-b>', 'NodePorts (default of a new cluster: 30000-32767)'))
    .addOption(
      option(
        '--node-port-cidrs <cidrs>',
        "hosts' addresses that NodePorts are served on, separated by commas (default: all)",
      ),
    )
    .addOption(
      option('--listen <host:port>', 'TCP address of the REST API').default(`127.0.0.1:${CONTROLLER_PORT}`),
    )
    .addOption(
      option('--server-names <names>', 'DNS names at which users reach the REST API, separated by commas'),
    )
    .addOption(
      option('--socket <path>', 'unix socket of the REST API; "none": none').default(CONTROLLER_SOCKET),
    )
    .addOption(
      option('--log-level <level>', 'least level that is logged').choices(LOG_LEVELS).default('info'),
    );
  for (const { flags, env, text } of ETCD_FLAGS) command.addOption(new Option(flags, text).env(env));
  for (const [flag, text] of NETWORK_FLAGS) command.addOption(option(flag, text));
  return command;
}

/** CAUSEWAY_ETCD is taken: it names the etcd program that we start. */
function variableOf(flag: string): string {
  return flag === 'etcd' ? 'CAUSEWAY_ETCD_URLS' : `CAUSEWAY_${flag.replaceAll('-', '_').toUpperCase()}`;
}

function wantedOf(flags: Flags): Wanted {
  return {
    ...readNetworkFlags(flags),
    ...(flags.serviceRange === undefined ? {} : { serviceRange: flags.serviceRange }),
    ...(flags.serviceRangeIpv6 === undefined ? {} : { serviceRangeIpv6: flags.serviceRangeIpv6 }),
    ...(flags.nodePortCidrs === undefined ? {} : { nodePortCidrs: listOf(flags.nodePortCidrs) }),
    ...(flags.nodePortRange === undefined ? {} : { nodePorts: nodePorts(flags.nodePortRange) }),
  };
}

/** Texts between commas; of an empty text none. */
function listOf(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
}

function nodePorts(text: string): { min: number; max: number } {
  const [, min, max] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (min === undefined || max === undefined || min < 1 || max > 65535 || min > max) {
    throw invalid('node-port-range', text, 'is not a range of ports such as 30000-32767');
  }
  return { min, max };
}

function address(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535) {
    throw invalid('listen', text, 'is not an address and port such as 127.0.0.1:7480');
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

function serverNames(text = ''): readonly string[] {
  const names = listOf(text);
  const bad = names.find((name) => !DNS_NAME.test(name));
  if (bad !== undefined) throw invalid('server-names', bad, 'is not a DNS name such as causeway.example');
  return names;
}

/** The etcd that we start has neither certificates nor users. */
function etcdOf(flags: Flags): EtcdSettings {
  const { etcd, etcdPrefix } = flags;
  if (etcd !== undefined) return readEtcdFlags({ ...flags, etcd }, process.env[ETCD_PASSWORD_ENV]);
  const theirs = [
    ['--etcd-cafile', flags.etcdCafile],
    ['--etcd-certfile', flags.etcdCertfile],
    ['--etcd-keyfile', flags.etcdKeyfile],
    ['--etcd-username', flags.etcdUsername],
    ['--etcd-password-file', flags.etcdPasswordFile],
  ] as const;
  const [flag, value] = theirs.find(([, text]) => text !== undefined && text !== '') ?? [];
  if (flag !== undefined) throw invalid(flag, value, 'is for an etcd of your own: name that one with --etcd');
  return readEtcdFlags({ etcd: OWN_ETCD, ...(etcdPrefix === undefined ? {} : { etcdPrefix }) });
}

function socketPath(text: string): string {
  if (text === '' || text.includes('\0'))
    throw invalid('socket', text, 'is not a path such as /run/causeway/controller.sock, nor "none"');
  if (Buffer.byteLength(text) > MAX_SOCKET_BYTES)
    throw invalid(
      'socket',
      text,
      `is longer than the ${MAX_SOCKET_BYTES} bytes that a unix socket's path can have`,
    );
  return text;
}

/** The addresses at which other machines reach the controller and etcd; names are left out, they are not looked up. */
function ownAddresses(
  flags: Flags,
  listen: string,
  etcd: readonly string[] | undefined,
): readonly OwnAddress[] {
  const of = (flag: string, address: string) => ({ flag, address });
  const all = [
    of('listen', listen),
    ...(etcd?.map((url) => of('etcd', new URL(url).hostname)) ?? [of('etcd-listen', flags.etcdListen)]),
  ];
  return all
    .map(({ flag, address }) => of(flag, address.replace(/^\[|\]$/g, '')))
    .filter(({ address }) => parseIp(address) !== undefined && !/^(?:0|127)\.|^::1?$/.test(address));
}
