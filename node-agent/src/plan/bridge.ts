import type { BridgeIntent } from '@causeway/shared/desired/host';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import { formatCidr, parseAddress, parseCidr } from '@causeway/shared/net/cidr';
import type { ObservedBridge, ObservedNetwork } from './observed.ts';
import type { Step } from './step.ts';

/** Steps for the bridge itself: link, MTU, state, addresses and the route that its address brings. */
export function planBridge(desired: BridgeIntent, observed: ObservedNetwork): readonly Step[] {
  const { bridge } = observed;
  const { name: link, mtu, address } = desired;
  const steps: Step[] = [];
  if (bridge === undefined) {
    steps.push({ kind: 'link-add', link, mtu, mac: macOf(address), text: `create bridge ${link}` });
  }
  if (bridge === undefined || bridge.mtu !== mtu || !bridge.up) {
    steps.push({ kind: 'link-set', link, mtu, text: `set ${link} up with MTU ${mtu}` });
  }
  if (bridge?.addresses.includes(address) !== true) {
    steps.push({ kind: 'address-add', link, address, text: `add address ${address} to ${link}` });
  }
  // The kernel makes the connected route with the address, and again when the link comes up.
  else if (bridge.up && !hasConnected(desired, observed)) steps.push(connected(desired));
  return [...steps, ...foreignAddresses(desired, bridge)];
}

/** The subnet that the bridge's address is in: `10.10.1.1/24` → `10.10.1.0/24`. */
export function subnetOf(bridge: BridgeIntent): string {
  const cidr = parseCidr(bridge.address);
  return cidr === undefined ? bridge.address : formatCidr(cidr);
}

/**
 * A fixed link-layer address, locally administered: without one a bridge takes the lowest of its ports' and
 * changes it as containers come and go, so that the others' neighbour entries go stale.
 */
function macOf(address: string): string {
  const number = parseAddress(address.split('/')[0] ?? '') ?? 0;
  const hex = number.toString(16).padStart(8, '0');
  return `0a:58:${hex.match(/../g)?.join(':') ?? '00:00:00:00'}`;
}

function hasConnected(desired: BridgeIntent, observed: ObservedNetwork): boolean {
  const destination = subnetOf(desired);
  return observed.routes.some((route) => route.destination === destination && route.device === desired.name);
}

function connected(desired: BridgeIntent): Step {
  const destination = subnetOf(desired);
  const source = desired.address.split('/')[0] ?? '';
  const text = `put back route ${destination} dev ${desired.name} (protocol kernel, not ${ROUTE_PROTOCOL})`;
  return { kind: 'connected-add', destination, device: desired.name, source, text };
}

/** The bridge is ours alone: an address that it should not have is a former subnet's. */
function foreignAddresses(desired: BridgeIntent, bridge: ObservedBridge | undefined): readonly Step[] {
  const wrong = (bridge?.addresses ?? []).filter((address) => address !== desired.address);
  return wrong.map((address) => ({
    kind: 'address-delete',
    link: desired.name,
    address,
    text: `remove address ${address} from ${desired.name}`,
  }));
}
