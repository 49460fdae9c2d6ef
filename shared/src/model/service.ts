import type { Family } from '../net/family.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';
export const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

/** One port of a service. `name` is the empty string when the service has a single, unnamed port. */
export interface ServicePort {
  readonly name: string;
  readonly protocol: Protocol;
  /** Port on the VIP, 1–65535. */
  readonly port: number;
  /** Port on endpoints that name none themselves. */
  readonly targetPort: number;
  readonly nodePort?: number;
}

/** Where a policy looks for endpoints: in the whole cluster, or only on the host that the connection meets first. */
export type Policy = 'cluster' | 'local';
export const POLICIES: readonly Policy[] = ['cluster', 'local'];

/** What happens to a service of which every endpoint is known to be unhealthy: refuse, or try them all the same. */
export type WhenUnhealthy = 'reject' | 'open';
export const WHEN_UNHEALTHY: readonly WhenUnhealthy[] = ['reject', 'open'];

/** A reference to an endpoint as typed, `10.10.1.2:12345`, `[fd00::2]:12345`, `web-1:12345` or `web-1`, and what was said of it. */
export interface EndpointRef {
  readonly to: string;
  /** Share of new connections beside the others', 0–100; 0: none. Absent: 1. */
  readonly weight?: number;
  /** No new connections while others are there; those that stand go on. Absent: it is not drained. */
  readonly drain?: Drain;
}

export interface Drain {
  /** RFC 3339: then it is drained, and the connections that it still has are cut. Absent: never. */
  readonly until?: string;
}

/** How an endpoint is asked whether it serves. Absent fields of the user's are filled in by the controller. */
export interface HealthCheck {
  readonly type: 'tcp' | 'http' | 'https' | 'command';
  /** Absent: the endpoint's own. */
  readonly port?: number;
  /** HTTP(S): what is asked for; 200–399 is healthy. */
  readonly path?: string;
  /** Run in the container; exit code 0 is healthy. */
  readonly command?: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Answers in a row that make an unhealthy endpoint healthy, and the other way round. */
  readonly rise: number;
  readonly fall: number;
}

/**
 * What the user asked for, completed by the controller: `/causeway/v1/services/<name>/spec`.
 * A field that is absent has the value that its comment names.
 */
export interface ServiceSpec {
  readonly name: string;
  /** None (NodePorts only), one, or one of each family: the first is the one that was asked for first. */
  readonly vips: readonly string[];
  /** Families that are served; those of the VIPs, if there are any. */
  readonly families: readonly Family[];
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly EndpointRef[];
  /** Containers and workloads that carry all of these labels are endpoints, too. Absent: none. */
  readonly selector?: Readonly<Record<string, string>>;
  /** `client`: one client stays with one endpoint, at whatever host it enters. Absent: each connection is drawn anew. */
  readonly affinity?: 'client';
  /** For connections to a NodePort from outside of the cluster. Absent: `cluster`. */
  readonly externalPolicy?: Policy;
  /** For connections to the VIP. Absent: `cluster`. */
  readonly internalPolicy?: Policy;
  /**
   * CIDRs of clients that may connect; others are dropped. Absent or empty: everybody. With those of one family only,
   * nobody may in the other.
   */
  readonly sourceRanges?: readonly string[];
  /** Endpoints count as ready whatever their health. Absent: false. */
  readonly publishNotReady?: boolean;
  /** Absent: every endpoint that runs is ready. */
  readonly health?: HealthCheck;
  /** Absent: `reject`. */
  readonly whenUnhealthy?: WhenUnhealthy;
  /** RFC 3339 */
  readonly createdAt: string;
}
