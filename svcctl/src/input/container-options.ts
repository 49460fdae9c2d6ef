import { NETWORK_ERROR, parseNetworkText, RESTART_POLICIES } from '@causeway/shared/container-text';
import { invalid } from '@causeway/shared/errors';
import type { RestartPolicy } from '@causeway/shared/model/container';
import type { ContainerInput } from '@causeway/shared/model/container-input';
import type { Command } from 'commander';
import { parseBytes } from './bytes.ts';
import { choiceOption } from './choice.ts';
import { parseWholeSeconds } from './duration.ts';
import type { FlagNames } from './flags.ts';
import { type Labels, labelOption } from './labels.ts';

/** What `run` may be told of a container. */
export interface ContainerOptions {
  readonly host: string;
  readonly image?: string;
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly env?: Labels;
  readonly label?: Labels;
  readonly publish?: readonly string[];
  readonly mount?: readonly string[];
  readonly userNamespace?: true;
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname?: string;
  readonly restart?: RestartPolicy;
  /** Seconds. */
  readonly stopTimeout?: number;
  readonly network?: string;
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  readonly address?: readonly string[];
  readonly gateway?: readonly string[];
}

const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Adds the flags that describe a container. */
export function withContainerOptions(command: Command): Command {
  return command
    .requiredOption('--host <name>', 'the host that runs it')
    .option('--image <name>', 'what it is made of (default: busybox, made from the host’s own)')
    .option('--cpus <number>', 'processors that it may use: 0.5 is half of one', (text) => cpusOf(text))
    .option('--memory <size>', 'memory that it may use: 64M, 1.5G', (text) => parseBytes('memory', text))
    .option('--env <key=value>', 'a variable of its environment; repeatable', variable)
    .option(...labelOption())
    .option('--publish <port>', '[ADDRESS:]PORT:PORT[/udp], of the host and of it; repeatable', repeated)
    .option('--mount <mount>', 'SOURCE:DESTINATION[:ro], of the host and in it; repeatable', repeated)
    .option('--user-namespace', 'root inside is nobody on the host')
    .option('--user <user>', 'a name or a number, with :GROUP or without (default: the image’s)')
    .option('--workdir <path>', 'where its program starts (default: the image’s)')
    .option('--hostname <name>', 'what it calls itself (default: its name)')
    .addOption(
      choiceOption('--restart <policy>', 'when it ends by itself (default: always)', RESTART_POLICIES),
    )
    .option('--stop-timeout <time>', 'from its stop signal to SIGKILL: 30s, 2m (default: 10s)', (text) =>
      parseWholeSeconds('stop-timeout', text),
    )
    .option(
      '--network <mode>',
      'bridge, host, none, container:NAME, macvlan:LINK or p2p:NAME (default: bridge)',
    )
    .option('--ip <address>', 'its IPv4 address, of the host’s subnet (default: the lowest that is free)')
    .option('--ip6 <address>', 'its IPv6 address')
    .option('--mac <address>', 'its link-layer address (default: made from its address)')
    .option('--address <cidr>', 'with macvlan: an address with its prefix length; repeatable', repeated)
    .option('--gateway <address>', 'with macvlan: its way out; repeatable', repeated);
}

/** @throws CausewayError `invalid` for flags that no request can say */
export function containerInput(
  name: string,
  command: readonly string[],
  options: ContainerOptions,
): ContainerInput {
  const { host, image, cpus, memory, env, label, user, workdir, hostname, restart, stopTimeout } = options;
  const network = networkOf(options);
  return {
    ...{ name, host, command: [...command] },
    ...(image === undefined ? {} : { image }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(label === undefined ? {} : { labels: { ...label } }),
    ...(options.publish === undefined ? {} : { publish: [...options.publish] }),
    ...(options.mount === undefined ? {} : { mounts: [...options.mount] }),
    ...(options.userNamespace ? { userNamespace: true } : {}),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(restart === undefined ? {} : { restart }),
    ...(stopTimeout === undefined ? {} : { stopSeconds: stopTimeout }),
    ...(network === undefined ? {} : { network }),
  };
}

/** The flags of `run` by the fields of the API. */
export const CONTAINER_FLAGS: FlagNames = [
  [/^labels(\..*)?$/s, 'label'],
  [/^publish/, 'publish'],
  [/^mounts/, 'mount'],
  [/^env(\..*)?$/s, 'env'],
  [/^memoryBytes$/, 'memory'],
  [/^userNamespace$/, 'user-namespace'],
  [/^stopSeconds$/, 'stop-timeout'],
  [/^image/, 'image'],
  [/^network\.address$/, 'ip'],
  [/^network\.ipv6Address$/, 'ip6'],
  [/^network\.mac$/, 'mac'],
  [/^network\.addresses/, 'address'],
  [/^network\.gateways/, 'gateway'],
  [/^network/, 'network'],
  [/^attach/, 'target'],
  [/^command/, 'command'],
];

type NetworkInput = Exclude<ContainerInput['network'], string | undefined>;

/** The mode and its addresses, which are flags of their own. */
function networkOf({ network, ip, ip6, mac, address, gateway }: ContainerOptions): NetworkInput | undefined {
  const mode = parseNetworkText(network ?? 'bridge');
  if (mode === undefined) throw invalid('network', network, NETWORK_ERROR);
  const only = (flag: string, value: unknown, kinds: readonly string[]): void => {
    if (value !== undefined && !kinds.includes(mode.kind))
      throw invalid(flag, value, `is for --network ${kinds.join(' and ')}, not for ${mode.kind}`);
  };
  only('ip', ip, ['bridge', 'p2p']);
  only('ip6', ip6, ['bridge', 'p2p']);
  only('mac', mac, ['bridge', 'macvlan']);
  only('address', address?.[0], ['macvlan']);
  only('gateway', gateway?.[0], ['macvlan']);
  const own = {
    ...(ip === undefined ? {} : { address: ip }),
    ...(ip6 === undefined ? {} : { ipv6Address: ip6 }),
  };
  const link = mac === undefined ? {} : { mac };
  switch (mode.kind) {
    case 'bridge': {
      const chosen = { ...own, ...link };
      return network === undefined && Object.keys(chosen).length === 0
        ? undefined
        : { kind: 'bridge', ...chosen };
    }
    case 'p2p':
      return { ...mode, ...own };
    case 'macvlan':
      return { ...mode, addresses: [...(address ?? [])], gateways: [...(gateway ?? [])], ...link };
    case 'container':
      return mode;
    default:
      return { kind: mode.kind };
  }
}

function cpusOf(text: string): number {
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(text))
    throw invalid('cpus', text, 'is not a number of processors such as 0.5');
  return Number(text);
}

/** `K=V`, whose value may be empty and hold any sign. */
function variable(text: string, before: Labels = {}): Labels {
  const equals = text.indexOf('=');
  if (equals < 1) throw invalid('env', text, 'is not KEY=VALUE, as in COLOUR=blue');
  const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
  if (Object.hasOwn(before, key) && before[key] !== value)
    throw invalid('env', text, `gives ${JSON.stringify(key)} a second value`);
  return { ...before, [key]: value };
}
