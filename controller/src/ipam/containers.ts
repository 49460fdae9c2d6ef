import type { ContainerSpec, ContainerStatus, PublishedHolder } from '@causeway/shared/model/container';
import { blockHasIp, formatBlock, parseBlock, parseIp } from '@causeway/shared/net/block';
import { entriesOf } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { chosenAddresses, overlap } from '../container-claims.ts';
import type { Tables } from '../view/tables.ts';
import { type Holdings, heldOnce, ownersIn, quoted, usersOf } from './held-once.ts';

/** What is wrong with what containers have, as etcd tells it, each a sentence. */
export function containerFindings(
  tables: Tables,
  unreadable: ReadonlyMap<string, string>,
): readonly string[] {
  const specs = [...tables.container.values()].map(({ value }) => value);
  const common: Pick<Holdings, 'by' | 'holders' | 'isUnknown'> = {
    by: 'container',
    holders: tables.container,
    isUnknown: (name) => unreadable.has(keys.container(name)),
  };
  return [
    ...heldOnce({
      ...common,
      nameOf: (port) => `published port ${port}`,
      recorded: new Map(claims(tables).map(({ id, holder }) => [thingOf(id, holder), holder.container])),
      used: usersOf(specs, publishedBy),
    }),
    ...overlapping(tables),
    ...heldOnce({
      ...common,
      nameOf: (address) => `chosen address ${address}`,
      recorded: ownersIn(tables.containerAddress),
      used: usersOf(specs, chosenAddresses),
    }),
    ...statusFindings(tables, unreadable),
  ];
}

/** The addresses that a host says a container has of its own; in another's namespace, or the host's, it has none. */
export function ownAddresses(status: ContainerStatus, spec: ContainerSpec | undefined): readonly string[] {
  const kind = spec?.network?.kind;
  if (kind === 'host' || kind === 'container') return [];
  return [status.address, status.ipv6Address].flatMap((address) => address ?? []);
}

interface Claim {
  /** `tcp/8080` */
  readonly id: string;
  readonly holder: PublishedHolder;
}

function claims(tables: Tables): readonly Claim[] {
  return [...tables.published].flatMap(([id, { value }]) => value.holders.map((holder) => ({ id, holder })));
}

/** `tcp/8080 at 192.168.122.11 of host-1` */
function thingOf(id: string, { host, address }: Pick<PublishedHolder, 'host' | 'address'>): string {
  return `${id}${address === undefined ? '' : ` at ${address}`} of ${host}`;
}

function publishedBy({ host, publish = [] }: ContainerSpec): readonly string[] {
  return publish.map(({ protocol, hostPort, address }) =>
    thingOf(`${protocol}/${hostPort}`, { host, ...(address === undefined ? {} : { address }) }),
  );
}

/** One at an address and one at all of them are two things, and meet all the same. */
function overlapping(tables: Tables): readonly string[] {
  return [...tables.published].flatMap(([id, { value }]) =>
    value.holders.flatMap((one, index) =>
      value.holders
        .slice(index + 1)
        .filter((other) => other.container !== one.container && overlap(one, other))
        .map(
          ({ container }) =>
            `published port ${id} of ${one.host} is doubled: containers ${quoted(one.container)} and ${quoted(container)} have it`,
        ),
    ),
  );
}

function statusFindings(tables: Tables, unreadable: ReadonlyMap<string, string>): readonly string[] {
  const statuses = [...tables.containerStatus.values()].map(({ value }) => value);
  const addressed = statuses.map((status) => ({
    name: status.name,
    addresses: ownAddresses(status, tables.container.get(status.name)?.value),
  }));
  const doubled = [...usersOf(addressed, ({ addresses }) => addresses)].flatMap(([address, names]) =>
    names.length < 2
      ? []
      : [`address ${address} is doubled: containers ${names.map(quoted).join(' and ')} have it`],
  );
  return [
    ...doubled,
    ...statuses.flatMap((status) => {
      const spec = tables.container.get(status.name)?.value;
      if (spec !== undefined)
        return spec.host === status.host ? outside(status, spec, tables) : [elsewhere(status, spec)];
      if (unreadable.has(keys.container(status.name))) return [];
      return [
        `container ${quoted(status.name)} does not exist, and ${status.host} still has something of it`,
      ];
    }),
  ];
}

function elsewhere({ name, host }: ContainerStatus, spec: ContainerSpec): string {
  return `container ${quoted(name)} is to be on ${spec.host}, and ${host} still has something of it`;
}

/** On the bridge, addresses are those of the host's subnets. */
function outside(status: ContainerStatus, spec: ContainerSpec, tables: Tables): readonly string[] {
  if ((spec.network?.kind ?? 'bridge') !== 'bridge') return [];
  const subnets = [...tables.lease.values()].flatMap(({ value }) =>
    value.node?.name === spec.host
      ? entriesOf(value).flatMap(([, { subnet }]) => parseBlock(subnet) ?? [])
      : [],
  );
  const has = subnets.length === 0 ? 'none' : subnets.map(formatBlock).join(' and ');
  return ownAddresses(status, spec)
    .filter((address) => {
      const ip = parseIp(address);
      return ip !== undefined && !subnets.some((subnet) => blockHasIp(subnet, ip));
    })
    .map(
      (address) =>
        `address ${address} of container ${quoted(spec.name)} is out of range: ${spec.host} leases ${has}`,
    );
}
