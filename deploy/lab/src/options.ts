import { CausewayError, invalid, show } from '@causeway/shared/errors';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { DEFAULT_SETTINGS } from '@causeway/shared/model/settings';
import { type Cidr, formatCidr, overlaps, parseCidr } from '@causeway/shared/net/cidr';

export interface LabOptions {
  /** `lab` when absent. An attached lab whose name is in use takes the next free one: `demo`, `demo-2`, … */
  readonly name?: string;
  /** Number of hosts, 1–100; 3 when absent. */
  readonly hosts?: number;
  readonly dataplane?: Dataplane;
  /** The containers' network, CIDR; 10.10.0.0/16 when absent. */
  readonly network?: string;
  /** `attached` (default): dies with this process, however it dies. `detached`: stays until `down`. */
  readonly lifetime?: 'attached' | 'detached';
  /** Who runs etcd: the controller (default), or the lab beside it. */
  readonly etcd?: 'embedded' | 'external';
  /** Only machines and wires: no etcd, controller, agents or containers. */
  readonly bare?: boolean;
  /** Told in one line each what has been done, with the time since the start. */
  readonly progress?: (line: string) => void;
}

export type LabSettings = Required<LabOptions>;

export const MAX_HOSTS = 100;
/** The lab's own networks: of the hosts, and of the "internet". */
export const LAN = '192.168.122.0/24';
export const WAN = '203.0.113.0/24';

/**
 * Completes and checks what the user asked for.
 *
 * @throws CausewayError `invalid` naming the option and its value
 */
export function checkOptions(options: LabOptions): LabSettings {
  const settings: LabSettings = {
    name: 'lab',
    hosts: 3,
    dataplane: 'nftables',
    network: '10.10.0.0/16',
    lifetime: 'attached',
    etcd: 'embedded',
    bare: false,
    progress: () => undefined,
    ...options,
  };
  checkName(settings.name);
  if (!Number.isInteger(settings.hosts) || settings.hosts < 1 || settings.hosts > MAX_HOSTS)
    throw invalid('hosts', settings.hosts, `is no whole number from 1 to ${MAX_HOSTS}`);
  if (!DATAPLANES.includes(settings.dataplane))
    throw invalid('dataplane', settings.dataplane, `is none of ${DATAPLANES.join(', ')}`);
  return { ...settings, network: checkNetwork(settings.network, settings.hosts) };
}

/** @throws CausewayError `invalid` when `name` cannot be a lab's name (a directory's, and part of a socket's path) */
export function checkName(name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(name))
    throw invalid('name', name, 'is not made of at most 30 lower-case letters, digits and inner hyphens');
}

/**
 * How many hosts find a subnet in a network, by flannel's rule: a /24 each, a quarter of the network each when it
 * is smaller than a /22, and the first subnet stays unused.
 */
export function subnetsIn(network: Cidr): number {
  const subnetLength = network.length <= 22 ? 24 : network.length + 2;
  return 2 ** (subnetLength - network.length) - 1;
}

function checkNetwork(text: string, hosts: number): string {
  const network = parseCidr(text);
  if (network === undefined) throw invalid('network', text, 'is no IPv4 network like 10.10.0.0/16');
  if (network.length < 8) throw invalid('network', text, 'is larger than a /8');
  // A /27 gives each host a /29, room for the bridge and five containers.
  if (network.length > 27) throw invalid('network', text, 'is too small: the smallest that works is a /27');
  const fit = subnetsIn(network);
  if (fit < hosts)
    throw invalid('network', text, `is too small for ${hosts} hosts: it has subnets for ${fit}`);
  const taken = { [LAN]: "the hosts' network", [WAN]: 'the internet', '127.0.0.0/8': 'the loopback' };
  for (const [cidr, whose] of Object.entries({ ...taken, [DEFAULT_SETTINGS.serviceRange]: 'the services' })) {
    const other = parseCidr(cidr);
    if (other !== undefined && overlaps(network, other))
      throw invalid('network', text, `overlaps ${cidr}, which is ${whose} in the lab`);
  }
  return formatCidr(network);
}

/** @throws CausewayError `invalid` unless `member` is one of the lab's machines */
export function checkMember(member: string, members: readonly string[]): void {
  if (members.includes(member)) return;
  const problem = `host ${show(member)} is none of the lab's: ${members.join(', ')}`;
  throw new CausewayError('invalid', problem, { field: 'host', value: member });
}
