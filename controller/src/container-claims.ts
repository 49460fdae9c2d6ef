import { publishText } from '@causeway/shared/container-text';
import { CausewayError, show } from '@causeway/shared/errors';
import type {
  ContainerSpec,
  PublishedClaims,
  PublishedHolder,
  PublishedPort,
} from '@causeway/shared/model/container';
import { decodePublished, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Write } from '@causeway/shared/store/store';
import type { Change } from './allocate/transaction.ts';

/**
 * What a container takes so that nobody else does: ports of its host, and addresses that its user chose. All of it is
 * written in the transaction that makes the container, and given back in the one that removes it.
 */

/** The ports that a container publishes, by their keys. */
export function publishedKeys({ publish = [] }: Pick<ContainerSpec, 'publish'>): readonly string[] {
  return [...new Set(publish.map(({ protocol, hostPort }) => keys.published(protocol, hostPort)))];
}

/** The addresses that nobody else may be given: those of the host's own networks of containers and machines. */
export function chosenAddresses({ network }: Pick<ContainerSpec, 'network'>): readonly string[] {
  if (network?.kind === 'bridge') return [network.address, network.ipv6Address].flatMap((one) => one ?? []);
  if (network?.kind !== 'macvlan') return [];
  return network.addresses.flatMap((text) => text.split('/')[0] ?? []);
}

/**
 * Takes everything for a new container.
 *
 * @param found the keys of `publishedKeys`, as etcd has them
 * @throws CausewayError `conflict` when a port is another's, `unreadable` when nobody can say whose it is
 */
export function claim(spec: ContainerSpec, found: ReadonlyMap<string, KeyValue | undefined>): Change {
  const changes = publishedKeys(spec).map((key) => {
    const before = holdersIn(found.get(key));
    const mine = portsAt(spec, key);
    for (const { index, port } of mine) checkFree(spec, index, port, before);
    const holders = [...before, ...mine.map(({ port }) => holderOf(spec, port))];
    return {
      guard: asFound(key, found.get(key)),
      write: { put: key, value: encode({ holders: sorted(holders) }) },
    };
  });
  const addresses = chosenAddresses(spec).map(keys.containerAddress);
  return {
    guards: [...changes.map(({ guard }) => guard), ...addresses.map((key): Guard => ({ key, absent: true }))],
    writes: [
      ...changes.map(({ write }) => write),
      ...addresses.map((key): Write => ({ put: key, value: spec.name })),
      ...(changes.length === 0 ? [] : [{ put: keys.lastPublished, value: spec.name }]),
    ],
  };
}

/**
 * Gives everything back. What cannot be read is left as it is: others may be in it.
 *
 * @param name of the container
 * @param found the keys that may hold something of it, as etcd has them
 */
export function release(name: string, found: ReadonlyMap<string, KeyValue | undefined>): Change {
  const guards: Guard[] = [];
  const writes: Write[] = [];
  for (const [key, item] of found) {
    if (item === undefined) continue;
    const left = key.startsWith(keys.publishedPrefix) ? without(name, item) : mineOnly(name, item);
    if (left === undefined) continue;
    guards.push({ key, modRevision: item.modRevision });
    writes.push(left.length === 0 ? { delete: key } : { put: key, value: encode({ holders: left }) });
  }
  return { guards, writes };
}

/** The keys that hold something of a container. */
export function claimKeys(spec: Pick<ContainerSpec, 'publish' | 'network'>): readonly string[] {
  return [...publishedKeys(spec), ...chosenAddresses(spec).map(keys.containerAddress)];
}

/** Whether two entries of one port mean an address in common. */
export function overlap(a: PublishedHolder, b: PublishedHolder): boolean {
  return a.host === b.host && (a.address === undefined || b.address === undefined || a.address === b.address);
}

function portsAt({ publish = [] }: ContainerSpec, key: string) {
  return publish
    .map((port, index) => ({ port, index }))
    .filter(({ port }) => keys.published(port.protocol, port.hostPort) === key);
}

function checkFree(
  spec: ContainerSpec,
  index: number,
  port: PublishedPort,
  holders: readonly PublishedHolder[],
): void {
  const mine = holderOf(spec, port);
  const other = holders.find((one) => one.container !== spec.name && overlap(one, mine));
  if (other === undefined) return;
  const at = other.address === undefined ? '' : ` at ${other.address}`;
  const { hostPort, protocol } = port;
  throw cannotPublish(
    index,
    port,
    `container "${other.container}" publishes port ${hostPort}/${protocol} of ${spec.host}${at}`,
  );
}

/** @param why somebody else has the port */
export function cannotPublish(index: number, port: PublishedPort, why: string): CausewayError {
  const [field, value] = [`publish[${index}]`, publishText(port)];
  return new CausewayError('conflict', `${field} ${show(value)} cannot be: ${why}`, { field, value });
}

function holderOf({ name, host }: ContainerSpec, { address }: PublishedPort): PublishedHolder {
  return { container: name, host, ...(address === undefined ? {} : { address }) };
}

function holdersIn(item: KeyValue | undefined): readonly PublishedHolder[] {
  const claims: PublishedClaims | CausewayError =
    item === undefined ? { holders: [] } : decodePublished(item);
  if (claims instanceof CausewayError) throw claims;
  return claims.holders;
}

/** @returns undefined when nothing is to be changed */
function without(name: string, item: KeyValue): readonly PublishedHolder[] | undefined {
  const claims = decodePublished(item);
  if (claims instanceof CausewayError) return undefined;
  const left = claims.holders.filter(({ container }) => container !== name);
  return left.length === claims.holders.length ? undefined : left;
}

function mineOnly(name: string, item: KeyValue): readonly [] | undefined {
  return item.value === name ? [] : undefined;
}

function asFound(key: string, item: KeyValue | undefined): Guard {
  return item === undefined ? { key, absent: true } : { key, modRevision: item.modRevision };
}

function sorted(holders: readonly PublishedHolder[]): readonly PublishedHolder[] {
  const keyOf = ({ host, address = '', container }: PublishedHolder) => `${host} ${address} ${container}`;
  return [...holders].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
