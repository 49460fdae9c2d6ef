import type { NeighbourIntent, TunnelIntent } from '@causeway/shared/desired/host';
import { TUNNEL_PREFIXES } from '@causeway/shared/names';
import { bareAddress, planAddresses } from './addresses.ts';
import type { ObservedTunnel } from './observed.ts';
import type { Step, TunnelDevice } from './step.ts';

export interface TunnelsPlan {
  readonly steps: readonly Step[];
  /** Devices whose IPv4 routes the kernel drops while these steps are carried out, or all of them. */
  readonly emptied: ReadonlyMap<string, 'ipv4' | 'all'>;
}

/** Whether a link bears a name of a tunnel device of ours. */
export function isTunnel(link: string | undefined): boolean {
  return Object.values(TUNNEL_PREFIXES).some((prefix) => link?.startsWith(prefix));
}

/**
 * Steps that make the tunnel devices of ours, and what hangs on them, exactly `desired`.
 *
 * @param gateways of all routes of ours: none of them may be an address of this host
 */
export function planTunnels(
  desired: readonly TunnelIntent[],
  observed: readonly ObservedTunnel[],
  gateways: ReadonlySet<string>,
): TunnelsPlan {
  const present = new Map(observed.map((tunnel) => [tunnel.name, tunnel]));
  const emptied = new Map<string, 'ipv4' | 'all'>();
  const steps: Step[] = [];
  for (const tunnel of desired) {
    const found = present.get(tunnel.name);
    const rebuilt = found !== undefined && isOtherDevice(tunnel, found);
    if (rebuilt) emptied.set(tunnel.name, 'all');
    else if (found !== undefined && losesIpv4(found.addresses, addressesOf(tunnel)))
      emptied.set(tunnel.name, 'ipv4');
    steps.push(...(rebuilt ? [deletion(tunnel.name, 'its kind cannot be changed')] : []));
    steps.push(...planTunnel(tunnel, rebuilt ? undefined : found));
  }
  const wanted = new Set(desired.map(({ name }) => name));
  for (const tunnel of observed.filter(({ name }) => !wanted.has(name))) {
    const taken = tunnel.addresses.filter((address) => gateways.has(bareAddress(address)));
    const left = tunnel.addresses.filter((address) => !taken.includes(address));
    if (losesIpv4(tunnel.addresses, left)) emptied.set(tunnel.name, 'ipv4');
    steps.push(...planStale(tunnel.name, taken));
  }
  return { steps, emptied };
}

/** A device of a former life stays until the routes lead elsewhere, but keeps no address that is another's. */
function planStale(link: string, taken: readonly string[]): readonly Step[] {
  const addresses = taken.map(
    (address): Step => ({
      kind: 'address-delete',
      link,
      address,
      text: `remove address ${address} from ${link}`,
    }),
  );
  return [...addresses, { kind: 'link-delete', link, text: `remove tunnel ${link}` }];
}

/** Steps between two lists of what leads to the peers behind one tunnel. */
export function planNeighbours(
  link: string,
  desired: readonly NeighbourIntent[],
  present: Pick<ObservedTunnel, 'neighbours' | 'forwarding'>,
): readonly Step[] {
  const neighbours = new Map(present.neighbours.map(({ address, mac }) => [address, mac]));
  const forwarding = new Map(present.forwarding.map(({ mac, remote }) => [mac, remote]));
  // Several subnets of one host are behind one end of a tunnel.
  const ends = new Set<string>();
  const steps: Step[] = [];
  for (const { address, mac, remote } of desired) {
    if (neighbours.get(address) !== mac) {
      const text = `set neighbour ${address} at ${mac} on ${link}`;
      steps.push({ kind: 'neighbour-replace', link, address, mac, text });
    }
    if (!ends.has(mac) && forwarding.get(mac) !== remote) {
      const text = `forward frames for ${mac} to ${remote} on ${link}`;
      steps.push({ kind: 'forwarding-replace', link, mac, remote, text });
    }
    neighbours.delete(address);
    forwarding.delete(mac);
    ends.add(mac);
  }
  for (const [address, mac] of neighbours) {
    const text = `remove stale neighbour ${address} at ${mac} from ${link}`;
    steps.push({ kind: 'neighbour-delete', link, address, mac, text });
  }
  for (const [mac, remote] of forwarding) {
    const text = `stop forwarding frames for ${mac} to ${remote} on ${link}`;
    steps.push({ kind: 'forwarding-delete', link, mac, remote, text });
  }
  return steps;
}

/** What the kernel refuses to change of a device that stands. */
function isOtherDevice(desired: TunnelIntent, found: ObservedTunnel): boolean {
  return found.vni !== desired.vni || found.port !== desired.port || found.gbp !== desired.gbp;
}

/** With a link's last IPv4 address go all IPv4 routes and neighbours of that link. */
function losesIpv4(before: readonly string[], after: readonly string[]): boolean {
  const isV4 = (address: string) => !address.includes(':');
  return before.some(isV4) && !after.some(isV4);
}

function addressesOf(tunnel: TunnelIntent): readonly string[] {
  return tunnel.address === undefined ? [] : [tunnel.address];
}

function planTunnel(desired: TunnelIntent, found: ObservedTunnel | undefined): readonly Step[] {
  const { name: link, mtu } = desired;
  return [
    ...(found === undefined ? [creation(desired)] : changes(desired, found)),
    ...(found?.mtu === mtu && found.up
      ? []
      : [{ kind: 'link-set' as const, link, mtu, text: `set ${link} up with MTU ${mtu}` }]),
    ...planAddresses(link, addressesOf(desired), found?.addresses ?? []),
    ...planNeighbours(link, desired.neighbours, remaining(desired, found)),
  ];
}

/** What hangs on the device by the time that neighbours are written. */
function remaining(
  desired: TunnelIntent,
  found: ObservedTunnel | undefined,
): Pick<ObservedTunnel, 'neighbours' | 'forwarding'> {
  if (found === undefined) return { neighbours: [], forwarding: [] };
  const { neighbours, forwarding } = found;
  if (found.mac !== desired.mac) return { neighbours: [], forwarding };
  if (losesIpv4(found.addresses, addressesOf(desired))) {
    return { neighbours: neighbours.filter(({ address }) => address.includes(':')), forwarding };
  }
  return { neighbours, forwarding };
}

function creation(desired: TunnelIntent): Step {
  const { name, vni, port, local, device } = desired;
  const text = `create tunnel ${name}: VXLAN ${vni} from ${local} by ${device}, port ${port}`;
  return { kind: 'tunnel-add', tunnel: deviceOf(desired), text };
}

function changes(desired: TunnelIntent, found: ObservedTunnel): readonly Step[] {
  const { name, mac, local, device, learning } = desired;
  const steps: Step[] = [];
  if (found.local !== local || found.device !== device || found.learning !== learning) {
    const text = `set tunnel ${name} to ${local} by ${device}${learning ? ', learning' : ''}`;
    steps.push({ kind: 'tunnel-set', tunnel: deviceOf(desired), text });
  }
  if (found.mac !== mac) {
    steps.push({ kind: 'tunnel-mac', link: name, mac, text: `set the address of ${name} to ${mac}` });
  }
  return steps;
}

function deviceOf({ name, vni, port, local, device, mac, learning, gbp }: TunnelIntent): TunnelDevice {
  return { name, vni, port, local, device, mac, learning, gbp };
}

function deletion(link: string, why: string): Step {
  return { kind: 'tunnel-delete', link, text: `remove tunnel ${link} to make it anew: ${why}` };
}
