import { setTimeout as sleep } from 'node:timers/promises';
import { CausewayError } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { subnetCount } from '@causeway/shared/model/network.schema';
import type { NodeRecord } from '@causeway/shared/model/node';
import { overlaps, parseCidr } from '@causeway/shared/net/cidr';
import { encode } from '@causeway/shared/store/codec';
import { encodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store, Write } from '@causeway/shared/store/store';
import { isMine, pickSubnet } from './pick.ts';
import { type Registry, readRegistry } from './registry.ts';

/** A host as it presents itself; its subnet is what joining finds out. */
export type Candidate = Omit<NodeRecord, 'subnet'>;

export interface AcquireInput {
  readonly node: Candidate;
  /** Made new at each start of the agent. */
  readonly instance: string;
  /** What this host had before, from its own disk. */
  readonly lastSubnet?: string;
  /** Holds the node record, the subnet lease and its claim. */
  readonly ownership: LeaseHandle;
  /** Holds the key that says that the host is alive. */
  readonly liveness: LeaseHandle;
  /** 0 ≤ random() < 1 */
  readonly random: () => number;
}

/** A race is lost only when somebody else won it, so this many means that something else is wrong. */
const MAX_RACES = 200;
/** Longest pause after a lost race, milliseconds. */
const MAX_PAUSE_MS = 50;

/**
 * Registers the host and leases its subnet, all in one transaction, and starts over from what etcd then holds
 * when somebody was faster.
 *
 * @returns the host's record with its subnet
 * @throws CausewayError `conflict` when the name is another host's or the containers' network overlaps the hosts',
 *   `exhausted` when no subnet is left,
 *   `not-found` without a network configuration, `unreadable`, `unreachable`, `timeout`
 */
export async function acquire(store: Store, input: AcquireInput): Promise<NodeRecord> {
  for (let race = 1; race <= MAX_RACES; race++) {
    const registry = await readRegistry(store, input.node.name);
    refuseForeignName(input.node, registry);
    refuseOwnNetwork(input.node, registry.config);
    const attempt = plan(registry, input);
    const { ok } = await store.transaction(attempt.guards, attempt.writes);
    if (ok) return attempt.record;
    await sleep(input.random() * MAX_PAUSE_MS);
  }
  throw new CausewayError(
    'conflict',
    `leasing a subnet for host "${input.node.name}": ${MAX_RACES} attempts were overtaken by other hosts`,
  );
}

/**
 * Says again that the host is alive, as long as its record and its lease are untouched.
 *
 * @returns false when they are not, and nothing was written
 */
export async function proveAlive(
  store: Store,
  record: NodeRecord,
  instance: string,
  liveness: LeaseHandle,
): Promise<boolean> {
  const guards: Guard[] = [
    { key: keys.node(record.name), value: encode(record) },
    { key: keys.subnet(record.subnet), value: leaseValue(record) },
  ];
  const { ok } = await store.transaction(guards, [
    { put: keys.alive(record.name), value: encode({ id: record.id, instance }), lease: liveness },
  ]);
  return ok;
}

/** What of a host's place is gone from etcd, or is another's, and by what it is known; undefined: nothing. */
export async function whatIsLost(
  store: Store,
  record: NodeRecord,
  instance: string,
): Promise<{ readonly what: 'ownership' | 'liveness'; readonly reason: string } | undefined> {
  const { name, subnet, id } = record;
  const [lease, claim, node, alive] = await Promise.all(
    [keys.subnet(subnet), keys.claim(subnet), keys.node(name), keys.alive(name)].map((key) => store.get(key)),
  );
  if (lease?.value !== leaseValue(record) || claim?.value !== id)
    return {
      what: 'ownership',
      reason: `etcd has ${subnet} as another host's, as nobody's, or as what cannot be read`,
    };
  if (node?.value !== encode(record))
    return { what: 'ownership', reason: `etcd key ${keys.node(name)} is not as this host wrote it` };
  if (alive?.value !== encode({ id, instance }))
    return { what: 'liveness', reason: `etcd key ${keys.alive(name)} is not as this host wrote it` };
  return undefined;
}

interface Attempt {
  readonly record: NodeRecord;
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

function plan(registry: Registry, input: AcquireInput): Attempt {
  const { node, ownership, liveness } = input;
  const picked = pickSubnet({
    config: registry.config,
    taken: registry.taken,
    me: node,
    random: input.random(),
    ...(input.lastSubnet === undefined ? {} : { lastSubnet: input.lastSubnet }),
  });
  if (picked === undefined) throw exhausted(registry, node.name);
  const { subnet } = picked;
  const record: NodeRecord = { ...node, subnet };
  const given = givenUp(registry, node, subnet);
  const written = [keys.subnet(subnet), keys.claim(subnet), keys.node(node.name), keys.alive(node.name)];
  return {
    record,
    guards: [keys.networkConfig, ...written, ...given].map(registry.unchanged),
    writes: [
      { put: keys.subnet(subnet), value: leaseValue(record), lease: ownership },
      { put: keys.claim(subnet), value: node.id, lease: ownership },
      { put: keys.node(node.name), value: encode(record), lease: ownership },
      {
        put: keys.alive(node.name),
        value: encode({ id: node.id, instance: input.instance }),
        lease: liveness,
      },
      ...given.map((key) => ({ delete: key })),
    ],
  };
}

function leaseValue({ subnet, publicIp, id, name }: NodeRecord): string {
  return encodeLease({ subnet, publicIp, backendType: 'host-gw', node: { id, name } });
}

/** Keys of subnets that are this host's and that it does not take: they do not fit the network any more. */
function givenUp(registry: Registry, node: Candidate, kept: string): string[] {
  const subnets = new Set(registry.taken.map((taken) => taken.subnet));
  subnets.delete(kept);
  for (const taken of registry.taken) if (!isMine(taken, node)) subnets.delete(taken.subnet);
  const present = (key: string) => 'modRevision' in registry.unchanged(key);
  return [...subnets].flatMap((subnet) => [keys.subnet(subnet), keys.claim(subnet)]).filter(present);
}

/** Two hosts with one name would both be told to run its containers, and each would hide the other's report. */
function refuseForeignName(node: Candidate, registry: Registry): void {
  const { alive, node: known } = registry;
  if (alive !== undefined && alive.id !== node.id)
    throw new CausewayError(
      'conflict',
      `joining as host "${node.name}": another host${at(known)} is running under this name; give this one another with --name`,
      { field: 'name', value: node.name },
    );
  if (known !== undefined && known.id !== node.id)
    throw new CausewayError(
      'conflict',
      `joining as host "${node.name}": the name belongs to another host${at(known)} that is not running; ` +
        'run `causeway-agent cleanup` there, wait until its lease has run out, or give this one another name with --name',
      { field: 'name', value: node.name },
    );
}

/** The routes and rules for the containers would cut the host off from the other hosts, and from etcd. */
function refuseOwnNetwork(node: Candidate, config: NetworkConfig): void {
  const [link, containers] = [node.network, config.network].map((text) => parseCidr(text ?? ''));
  if (link === undefined || containers === undefined || !overlaps(link, containers)) return;
  throw new CausewayError(
    'conflict',
    `joining as host "${node.name}": the containers' network ${config.network} overlaps ${node.network}, the network ` +
      `of this host's link to the other hosts (${node.publicIp}); give the controller another with --network`,
    { field: 'network', value: config.network },
  );
}

function at(node: NodeRecord | undefined): string {
  return node === undefined ? '' : ` (${node.publicIp}, id ${node.id})`;
}

function exhausted(registry: Registry, name: string): CausewayError {
  const { network, subnetLen, subnetMin, subnetMax } = registry.config;
  const range = `from ${subnetMin} to ${subnetMax}`;
  return new CausewayError(
    'exhausted',
    `leasing a subnet for host "${name}": network ${network} is too small: ` +
      `all ${subnetCount(registry.config)} subnets of /${subnetLen} ${range} are leased`,
    { field: 'network', value: network },
  );
}
