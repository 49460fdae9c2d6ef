import type { DesiredHost, PeerIntent } from '@causeway/shared/desired/host';
import { messageOf } from '@causeway/shared/errors';
import type { PeerReport } from '@causeway/shared/model/node';
import type { Fate } from '../plan/step.ts';

export interface PeerCount {
  /** How many peers' subnets are known, and how many of them the kernel leads to. */
  readonly peersWanted: number;
  readonly peersInstalled: number;
  /** Those that are not installed. */
  readonly peers: readonly PeerReport[];
}

/** @param faults by subnet, why the kernel does not lead there as desired. Pure. */
export function countPeers(peers: readonly PeerIntent[], faults: ReadonlyMap<string, string>): PeerCount {
  const reports = peers.flatMap((peer) => reportOf(peer, faults.get(peer.subnet)) ?? []);
  return { peersWanted: peers.length, peersInstalled: peers.length - reports.length, peers: reports };
}

/** @returns by subnet, why the kernel does not lead there, from the fates of steps that were not done. Pure. */
export function faultsOf(
  { routes, tunnels }: Pick<DesiredHost, 'routes' | 'tunnels'>,
  failures: readonly Fate[],
): ReadonlyMap<string, string> {
  const faults = new Map<string, string>();
  for (const fate of failures) {
    const { step } = fate;
    if ('route' in step) faults.set(step.route.destination, reasonOf(fate));
    const gateway = gatewayBehind(step, tunnels);
    const tunnel = tunnelOf(step, tunnels);
    for (const route of gateway === undefined && tunnel === undefined ? [] : routes)
      if (route.gateway === gateway || route.device === tunnel) faults.set(route.destination, reasonOf(fate));
  }
  return faults;
}

/** A sentence's worth of why a step was not done. */
export function reasonOf(fate: Fate): string {
  if (fate.fate === 'failed') return messageOf(fate.error);
  return fate.fate === 'notExecuted' ? `not done: ${fate.step.text} (${fate.because})` : '';
}

/** The device that is not as it should be without a step for the device itself. */
function tunnelOf(step: Fate['step'], tunnels: DesiredHost['tunnels']): string | undefined {
  const link =
    'tunnel' in step ? step.tunnel.name : OF_LINKS.has(step.kind) && 'link' in step ? step.link : '';
  return tunnels.find(({ name }) => name === link)?.name;
}

const OF_LINKS: ReadonlySet<Fate['step']['kind']> = new Set(['tunnel-mac', 'tunnel-delete', 'link-set']);

/** The gateway that is not reached without a step for a neighbour or its forwarding entry. */
function gatewayBehind(step: Fate['step'], tunnels: DesiredHost['tunnels']): string | undefined {
  if (step.kind === 'neighbour-replace') return step.address;
  if (step.kind !== 'forwarding-replace') return undefined;
  const tunnel = tunnels.find(({ name }) => name === step.link);
  return tunnel?.neighbours.find(({ mac }) => mac === step.mac)?.address;
}

function reportOf(peer: PeerIntent, fault: string | undefined): PeerReport | undefined {
  const { subnet, publicIp, node, state, path } = peer;
  const who = { subnet, publicIp, ...(node === undefined ? {} : { node }) };
  if (state === 'unreachable')
    return { ...who, state, ...(peer.reason === undefined ? {} : { reason: peer.reason }) };
  if (fault === undefined) return undefined;
  return { ...who, state: 'failed', ...(path === undefined ? {} : { path }), reason: fault };
}
