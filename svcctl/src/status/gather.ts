import type { EventKind } from '@causeway/shared/model/event';
import type { PeerReport } from '@causeway/shared/model/node';
import type { Client } from '../client/client.ts';

/** What one host looks like from outside, as `GET /v1/status` answers it. */
export interface HostHealth {
  readonly name: string;
  /** `unknown`: etcd is away. */
  readonly state: 'alive' | 'dead' | 'unknown';
  readonly alive: boolean;
  /** Age of its last word to etcd, at most. */
  readonly lastWordSeconds?: number;
  /** Since when its sign of life is gone. */
  readonly goneSeconds?: number;
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  readonly leaseLeftSeconds?: number;
  readonly reservations: readonly string[];
  readonly dataplane: string;
  readonly cordoned: boolean;
  readonly drained: boolean;
  /** Why it has no subnet, one sentence per family. */
  readonly waiting: readonly string[];
  /** Services and endpoint sets that its kernel does not hold yet; absent when it has reported nothing. */
  readonly lag?: number;
  /** The network's revision that its kernel does not hold yet. */
  readonly pendingRevision?: number;
  readonly appliedInMs?: number;
  readonly peers?: {
    readonly wanted: number;
    readonly installed: number;
    readonly missing: readonly PeerReport[];
  };
  readonly problems: readonly string[];
  readonly events: EventCount;
}

export interface EventCount {
  readonly warnings: number;
  readonly infos: number;
  readonly kinds: { readonly [K in EventKind]?: number };
}

export interface ServiceHealth {
  readonly name: string;
  /** True when targets are named and none of them runs; one that names none is empty on purpose. */
  readonly broken: boolean;
  readonly unresolved: readonly string[];
}

/** What the controller says of all of it. */
interface Told {
  /** What keeps the controller from its work; empty: it is ready. */
  readonly faults: readonly string[];
  readonly etcd: { readonly ok: boolean; readonly lastWordSeconds?: number };
  readonly network?: {
    readonly ipv4?: string;
    readonly ipv6?: string;
    readonly backend: string;
    readonly revision: number;
    /** Why hosts do not follow the configuration in etcd. */
    readonly refused?: string;
  };
  readonly hosts: readonly HostHealth[];
  readonly services: { readonly count: number; readonly withoutEndpoints: readonly ServiceHealth[] };
  readonly unreadable: readonly string[];
  readonly events: EventCount;
  /** Sentences; empty: all is well. */
  readonly degraded: readonly string[];
}

export interface ClusterStatus extends Omit<Told, 'faults'> {
  readonly controller: {
    readonly address: string;
    readonly version: string;
    readonly faults: readonly string[];
  };
}

/** Asks the controller for all of it, at once. @throws CausewayError `unreachable` when it does not answer */
export async function gatherStatus(client: Client): Promise<ClusterStatus> {
  const [version, told] = await Promise.all([
    client.get<{ version?: string } | string>('/version'),
    client.get<Told>('/v1/status'),
  ]);
  const { faults, ...rest } = told;
  return {
    controller: {
      address: client.server.text,
      version: (typeof version === 'string' ? version : version.version) ?? 'unknown',
      faults,
    },
    ...rest,
  };
}
