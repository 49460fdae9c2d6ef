import type { OwnSubnets } from '@causeway/shared/desired/host';
import type { PeerReport } from '@causeway/shared/model/node';
import type { Family } from '@causeway/shared/net/family';
import type { HealthCheckState } from '../health-checks/health-checks.ts';

/** Everything that the health pages say, read at one moment. Times are milliseconds on a clock that never jumps. */
export interface HealthState {
  readonly name: string;
  readonly version: string;
  /** Since the agent started. */
  readonly upMs: number;
  readonly etcd: EtcdHealth;
  readonly place: PlaceHealth;
  readonly loop: LoopHealth;
  readonly healthChecks: HealthCheckState;
  /** Every other host's subnet, in the order of the kernel's routes. */
  readonly peers: readonly PeerReport[];
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
}

export interface EtcdHealth {
  /** All watches are whole. */
  readonly connected: boolean;
  /** Since etcd was heard of last, in whatever way; absent: never yet. */
  readonly lastWordMs?: number;
  /** Why the last attempt failed, while nothing has succeeded since. */
  readonly reason?: string;
  /** A word must come at least this often while all is well. */
  readonly patienceMs: number;
}

export interface PlaceHealth {
  /** False: this host has never been in etcd since the agent started. */
  readonly joined: boolean;
  readonly subnets: OwnSubnets;
  /** Those in which the network has addresses and this host should have a subnet. */
  readonly families: readonly Family[];
  readonly problem?: string;
  /** Until the lease of the subnet, and that of the sign of life, run out if nothing more is heard; ≤ 0: lost. */
  readonly leaseLeftMs: { readonly ownership: number; readonly liveness: number };
}

export interface LoopHealth {
  /** Rounds that were made, and how long all of them took together. */
  readonly rounds: number;
  readonly totalMs: number;
  /** How long the last one took, and since when it is over; absent: none yet. */
  readonly lastMs?: number;
  readonly sinceLastMs?: number;
  /** How long the present one has been running; absent: none is. */
  readonly busyMs?: number;
  /** Why the kernel could not even be looked at, as long as that lasts. */
  readonly failure?: string;
  readonly networkHeld: boolean;
  readonly firewallHeld: boolean;
  readonly networkRevision: number;
  readonly servicesRevision: number;
  /** Steps that mended what had been right before. */
  readonly repairs: number;
}
