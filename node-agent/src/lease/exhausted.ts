import { CausewayError } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { subnetCount } from '@causeway/shared/model/network.schema';
import { parseBlock } from '@causeway/shared/net/block';
import { entriesOf, FAMILIES, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { decodeAlive, decodeNode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue, Store } from '@causeway/shared/store/store';
import type { Holding } from './holdings.ts';
import type { Candidate } from './membership.ts';

export interface WaitingInput {
  readonly node: Candidate;
  /** Families without a free subnet. */
  readonly exhausted: readonly Family[];
  readonly config: NetworkConfig;
  readonly holdings: readonly Holding[];
}

/** How many hosts, or wide subnets, are named. */
const NAMED = 5;

/**
 * Why a host has no subnet in a family of the network, and what can be done, in one sentence; etcd is asked only when
 * there is something to say.
 *
 * @throws CausewayError `unreachable`, `timeout`
 */
export async function describeWaiting(store: Store, input: WaitingInput): Promise<string | undefined> {
  const { node, exhausted, config } = input;
  const reasons = [...withoutAddress(node, config)];
  if (exhausted.length > 0) {
    const [nodes, alive] = await Promise.all([store.list(keys.nodePrefix), store.list(keys.alivePrefix)]);
    reasons.push(
      ...exhausted.map((family) => tooSmall(family, input)),
      remedy(absent(nodes.items, alive.items)),
    );
  }
  return reasons.length === 0 ? undefined : `host "${node.name}" waits for a subnet: ${reasons.join('; ')}`;
}

function withoutAddress(node: Candidate, config: NetworkConfig): string[] {
  return FAMILIES.filter((family) => config[family] !== undefined && node[family] === undefined).map(
    (family) =>
      `its link has no ${FAMILY_NAMES[family]} address, which the network ${config[family]?.network} needs`,
  );
}

function tooSmall(family: Family, { config, holdings }: WaitingInput): string {
  const network = config[family];
  if (network === undefined) return '';
  const { subnetLen, subnetMin, subnetMax } = network;
  const kinds = new Map<string, Holding['kind']>();
  for (const { kind, subnet, block } of holdings)
    if (block.family === family && (kind !== 'reservation' || !kinds.has(subnet))) kinds.set(subnet, kind);
  const reserved = [...kinds.values()].filter((kind) => kind === 'reservation').length;
  // One slip over the whole network looks like a thousand hosts.
  const wide = [...kinds.keys()].filter((subnet) => (parseBlock(subnet)?.length ?? subnetLen) < subnetLen);
  const parts = [
    `${kinds.size - reserved} leased`,
    ...(reserved > 0 ? [`${reserved} reserved`] : []),
    ...(wide.length > 0 ? [`${listed(wide)} as a whole`] : []),
  ];
  return (
    `network ${network.network} is too small: all ${subnetCount(network)} subnets of /${subnetLen} from ` +
    `${subnetMin} to ${subnetMax} are taken (${parts.join(', ')})`
  );
}

function remedy(absent: readonly string[]): string {
  const wider = 'give the network more subnets with `svcctl network set`';
  if (absent.length === 0) return `all hosts that have one are alive; ${wider}`;
  const who =
    absent.length === 1
      ? `1 host that is not alive (${listed(absent)})`
      : `${absent.length} hosts that are not alive (${listed(absent)})`;
  return `${who} could give theirs back with \`svcctl node release NAME --lease\`, or ${wider}`;
}

function listed(names: readonly string[]): string {
  return names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ', …' : '');
}

/** Names of hosts that have a subnet and are not alive; of one that was renamed, the former name is not one more. */
function absent(nodes: readonly KeyValue[], alive: readonly KeyValue[]): string[] {
  const living = new Set(
    alive.map(decodeAlive).flatMap((one) => (one instanceof CausewayError ? [] : [one.id])),
  );
  return nodes.flatMap((kv) => {
    const node = decodeNode(kv);
    if (node instanceof CausewayError || living.has(node.id)) return [];
    return entriesOf(node).some(([, { subnet }]) => subnet !== undefined) ? [node.name] : [];
  });
}
