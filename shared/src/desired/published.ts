import type { ContainerSpec, PublishedPort } from '../model/container.ts';
import type { ContainerAddresses } from '../model/local-containers.ts';
import { familyOf } from '../net/block.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import type { PublishedIntent } from './intent.ts';

export interface Published {
  /** Sorted by protocol, port and address. The same objects for the same definitions and addresses. */
  readonly byFamily: Readonly<Record<Family, readonly PublishedIntent[]>>;
  readonly problems: readonly string[];
}

const NOTHING: Published = { byFamily: { ipv4: [], ipv6: [] }, problems: [] };

/** By the definitions that they were made of, the last ones. */
const known = new WeakMap<
  readonly ContainerSpec[],
  { readonly addresses: readonly ContainerAddresses[]; readonly published: Published }
>();

/**
 * The ports of this host that lead to its containers. Pure: the same is made once.
 *
 * @param specs sorted by name: of two that want the same port, the first gets it
 */
export function publishedOf(
  specs: readonly ContainerSpec[],
  addresses: readonly ContainerAddresses[],
): Published {
  const last = known.get(specs);
  if (last?.addresses === addresses) return last.published;
  const published = makePublished(specs, addresses);
  known.set(specs, { addresses, published });
  return published;
}

function makePublished(specs: readonly ContainerSpec[], addresses: readonly ContainerAddresses[]): Published {
  const publishing = specs.filter(({ publish = [] }) => publish.length > 0);
  if (publishing.length === 0) return NOTHING;
  const placed = new Map(addresses.map((one) => [one.name, one.addresses]));
  const owners = new Map<string, string>();
  const problems: string[] = [];
  const byFamily: Record<Family, [string, PublishedIntent][]> = { ipv4: [], ipv6: [] };
  for (const { name, publish = [] } of publishing) {
    for (const port of publish) {
      for (const family of FAMILIES) {
        const address = placed.get(name)?.[family];
        if (address === undefined || (port.address !== undefined && familyOf(port.address) !== family))
          continue;
        const key = `${family} ${keyOf(port)}`;
        const owner = owners.get(key);
        owners.set(key, owner ?? name);
        if (owner === undefined) byFamily[family].push([keyOf(port), intentOf(port, address)]);
        else
          problems.push(
            `port ${portText(port)} of container ${name} is not published: container ${owner} has it`,
          );
      }
    }
  }
  const sorted = (family: Family) =>
    byFamily[family].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, intent]) => intent);
  return { byFamily: { ipv4: sorted('ipv4'), ipv6: sorted('ipv6') }, problems: [...new Set(problems)] };
}

function intentOf(
  { address: hostAddress, hostPort, containerPort, protocol }: PublishedPort,
  address: string,
) {
  return {
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...{ protocol, hostPort, address, port: containerPort },
  };
}

/** Sorts as it should. */
function keyOf({ protocol, hostPort, address = '' }: PublishedPort): string {
  return `${protocol} ${String(hostPort).padStart(5, '0')} ${address}`;
}

function portText({ protocol, hostPort, address }: PublishedPort): string {
  const host = address === undefined ? '' : address.includes(':') ? `[${address}]:` : `${address}:`;
  return `${host}${hostPort}/${protocol}`;
}
