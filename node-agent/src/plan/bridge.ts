import type { BridgeIntent } from '@causeway/shared/desired/host';
import { BRIDGE, BRIDGE_ALIAS, ROUTE_PROTOCOL } from '@causeway/shared/names';
import { parseIp } from '@causeway/shared/net/block';
import { bareAddress, networkOf, planAddresses } from './addresses.ts';
import type { ObservedNetwork } from './observed.ts';
import type { Step } from './step.ts';

/** Steps for the bridge itself: link, MTU, state, addresses and the routes that its addresses bring. */
export function planBridge(desired: BridgeIntent, observed: ObservedNetwork): readonly Step[] {
  const { bridge } = observed;
  const { name: link, mtu, addresses } = desired;
  // A host without a subnet has nothing to hang on a bridge, but one that is there must not answer for another's.
  if (bridge === undefined && addresses.length === 0) return [];
  const steps: Step[] = [];
  if (bridge === undefined) {
    const mac = macOf(addresses[0] ?? '');
    steps.push({ kind: 'link-add', link, mtu, mac, text: `create bridge ${link}` });
  }
  if (bridge === undefined || bridge.mtu !== mtu || !bridge.up) {
    const mark = link === BRIDGE ? {} : { alias: BRIDGE_ALIAS };
    steps.push({ kind: 'link-set', link, mtu, ...mark, text: `set ${link} up with MTU ${mtu}` });
  }
  const changes = planAddresses(link, addresses, bridge?.addresses ?? []);
  const added = new Set(changes.flatMap((step) => (step.kind === 'address-add' ? [step.address] : [])));
  // The kernel makes the connected route with the address, and again when the link comes up.
  const bare = bridge?.up === true ? addresses.filter((address) => !added.has(address)) : [];
  const missing = bare.filter((address) => !hasConnected(link, address, observed));
  return [...steps, ...changes, ...missing.map((address) => connected(link, address))];
}

export interface FormerPlan {
  readonly steps: readonly Step[];
  /** What the kernel holds once they are done. */
  readonly observed: ObservedNetwork;
}

/**
 * Steps for bridges of ours that have another name: the first takes the new one, and everything that hangs on it stays
 * where it is; whatever other there is goes.
 */
export function planFormer({ name: link }: BridgeIntent, observed: ObservedNetwork): FormerPlan {
  const [first, ...others] = observed.formerBridges ?? [];
  if (first === undefined) return { steps: [], observed };
  const gone = (names: readonly string[]) =>
    names.map((name): Step => ({ kind: 'link-delete', link: name, text: `remove former bridge ${name}` }));
  const names = others.map(({ name }) => name);
  if (observed.bridge !== undefined) return { steps: gone([first.name, ...names]), observed };
  const { name: from, mtu, addresses } = first;
  const rename: Step = { kind: 'link-rename', link, from, text: `rename bridge ${from} to ${link}` };
  const routes = observed.routes.map((route) => (route.device === from ? { ...route, device: link } : route));
  // Some kernels rename only what is down.
  return {
    steps: [rename, ...gone(names)],
    observed: { ...observed, routes, bridge: { mtu, addresses, up: false } },
  };
}

/** The networks that the bridge's addresses are in. */
export function subnetsOf(bridge: BridgeIntent): readonly string[] {
  return bridge.addresses.map(networkOf);
}

/** Bits above the host part of an IPv6 address, which are the same on every host. */
const HOST_BITS = 64n;

/**
 * A fixed link-layer address, locally administered: without one a bridge takes the lowest of its ports' and
 * changes it as containers come and go, so that the others' neighbour entries go stale.
 */
function macOf(address: string): string {
  const ip = parseIp(bareAddress(address));
  const value = ip === undefined ? 0n : ip.family === 'ipv4' ? ip.value : ip.value >> HOST_BITS;
  const hex = (value & 0xffffffffn).toString(16).padStart(8, '0');
  return `0a:58:${hex.match(/../g)?.join(':') ?? '00:00:00:00'}`;
}

function hasConnected(link: string, address: string, observed: ObservedNetwork): boolean {
  const destination = networkOf(address);
  return observed.routes.some((route) => route.destination === destination && route.device === link);
}

function connected(link: string, address: string): Step {
  const destination = networkOf(address);
  const text = `put back route ${destination} dev ${link} (protocol kernel, not ${ROUTE_PROTOCOL})`;
  return { kind: 'connected-add', destination, device: link, source: bareAddress(address), text };
}
