import type { PeerReport } from '@causeway/shared/model/node';
import { entriesOf, FAMILY_NAMES } from '@causeway/shared/net/family';
import type { HealthState, PlaceHealth } from './state.ts';

/** One thing that is well or not, with a few words of why. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly told: string;
}

/** A round that takes longer than this hangs, milliseconds: every command in it has a time limit below that. */
const STUCK_MS = 120_000;

/** Everything that must hold for this host to be ready; each peer is one of them. Pure. */
export function checksOf(state: HealthState): readonly Check[] {
  return [
    etcdCheck(state),
    ...leaseChecks(state.place),
    ...kernelChecks(state),
    ...state.peers.map(peerCheck),
    ...state.problems.map((problem) => ({ name: 'problem', ok: false, told: problem })),
  ];
}

/** The process itself: it answers, and its loop turns. Pure. */
export function isAlive({ loop }: HealthState): boolean {
  return (loop.busyMs ?? 0) < STUCK_MS;
}

/** `0.4 s`, `59 s`, `3 min 5 s`, `23 h 59 min`. Pure. @param ms milliseconds, not negative */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

function etcdCheck({ etcd }: HealthState): Check {
  const { connected, lastWordMs, reason, patienceMs } = etcd;
  const word = lastWordMs === undefined ? 'no word since the start' : `last word ${duration(lastWordMs)} ago`;
  const ok = connected && lastWordMs !== undefined && lastWordMs <= patienceMs;
  return { name: 'etcd', ok, told: ok || reason === undefined ? word : `${word}: ${reason}` };
}

function leaseChecks({ joined, subnets, families, problem, leaseLeftMs }: PlaceHealth): readonly Check[] {
  if (!joined)
    return [{ name: 'lease', ok: false, told: problem ?? 'this host has not joined the cluster yet' }];
  const { ownership, liveness } = leaseLeftMs;
  const left = ownership > 0 ? `${duration(ownership)} left` : 'lost';
  const held = entriesOf(subnets).map(([, subnet]) => ({
    name: `lease ${subnet}`,
    ok: ownership > 0,
    told: left,
  }));
  const missing = families
    .filter((family) => subnets[family] === undefined)
    .map((family) => ({
      ...{ name: `lease ${FAMILY_NAMES[family]}`, ok: false },
      told: problem ?? 'this host has no subnet',
    }));
  const alive = liveness > 0 ? `${duration(liveness)} left` : 'lost';
  return [...held, ...missing, { name: 'sign of life', ok: liveness > 0, told: alive }];
}

function kernelChecks({ loop }: HealthState): readonly Check[] {
  const { failure, networkHeld, firewallHeld, rounds, busyMs } = loop;
  if (failure !== undefined) return [{ name: 'kernel', ok: false, told: failure }];
  if (busyMs !== undefined && busyMs >= STUCK_MS)
    return [{ name: 'kernel', ok: false, told: `a round has been running for ${duration(busyMs)}` }];
  if (rounds === 0) return [{ name: 'kernel', ok: false, told: 'nothing has been applied yet' }];
  return [
    { name: 'network', ok: networkHeld, told: held(networkHeld, loop.networkRevision) },
    { name: 'firewall', ok: firewallHeld, told: held(firewallHeld, loop.servicesRevision) },
  ];
}

function held(ok: boolean, revision: number): string {
  return ok
    ? `the kernel holds revision ${revision}`
    : `the kernel is not as it should be; it held revision ${revision}`;
}

function peerCheck({ subnet, publicIp, node, state, path, reason }: PeerReport): Check {
  const who = node === undefined ? '' : ` of ${node}`;
  const where = publicIp === '' ? '' : ` (${publicIp})`;
  const ok = state === 'installed';
  const how = path === undefined ? 'installed' : `installed, ${path}`;
  return { name: `peer ${subnet}${who}${where}`, ok, told: ok ? how : (reason ?? state) };
}
