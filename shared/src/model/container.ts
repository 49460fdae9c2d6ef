import type { ATTACH_KINDS, RESTART_POLICIES } from '../container-text.ts';
import type { NetworkMode } from './container-network.ts';

/**
 * A container on one host: `/causeway/v1/containers/<name>`. Names are unique in the cluster. Either the agent makes and
 * runs it, or somebody else does (`attach`) and the agent gives it its network.
 */
export interface ContainerSpec {
  readonly name: string;
  /** Node name of the host that runs it. */
  readonly host: string;
  /** Program and arguments, behind the image's entry point. Empty: the image's own; always so with `attach`. */
  readonly command: readonly string[];
  /** Text files put into the container's root, by absolute path. */
  readonly files: Readonly<Record<string, string>>;
  /** What services and policies select by. Absent: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** A container of others that gets a network from us. Absent: one of our own. */
  readonly attach?: AttachTarget;
  /** Absent: the built-in `busybox`. */
  readonly image?: ImageRef;
  /** Absent: a bridge's port, with addresses of the host's subnets. */
  readonly network?: NetworkMode;
  /** Ports of the host that lead to it. */
  readonly publish?: readonly PublishedPort[];
  /** Beside the image's own, which these go before. */
  readonly env?: Readonly<Record<string, string>>;
  /** `1000`, `1000:100`, `www-data`; names as the image's /etc/passwd has them. Absent: the image's. */
  readonly user?: string;
  /** Absolute path. Absent: the image's. */
  readonly workdir?: string;
  /** Absent: the container's name. */
  readonly hostname?: string;
  readonly mounts?: readonly BindMount[];
  /** Processors, 0.01 and more: 0.5 is half of one. Absent: no limit. */
  readonly cpus?: number;
  /** Bytes. Absent: no limit. */
  readonly memoryBytes?: number;
  /** Root inside is nobody outside. */
  readonly userNamespace?: boolean;
  /** What happens when it ends by itself. Absent: `always`. */
  readonly restart?: RestartPolicy;
  /** What the user wants. Absent: `running`. */
  readonly want?: 'running' | 'stopped';
  /**
   * Time between SIGTERM and SIGKILL when it is stopped, seconds. Absent: 10.
   */
  readonly stopSeconds?: number;
  /** Counts `start`s asked for: one that has ended and is not restarted by its policy runs again when this grows. */
  readonly generation?: number;
}

/** `docker:NAME`, `containerd:[NAMESPACE/]ID`, `pid:PID`, `netns:PATH`: whose network namespace it is. */
export interface AttachTarget {
  readonly kind: AttachKind;
  /** A container's name or id, a process id, an absolute path. */
  readonly id: string;
}

export { ATTACH_KINDS } from '../container-text.ts';
export type AttachKind = (typeof ATTACH_KINDS)[number];

export { RESTART_POLICIES } from '../container-text.ts';
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

export interface ImageRef {
  /** As the user knows it: `busybox`, `web:2`. */
  readonly name: string;
  /**
   * Of the manifest that the name meant when the container was made: a name that is given to another image changes no
   * container. `sha256:…`. Absent with the built-in image, which each host makes of its own busybox.
   */
  readonly digest?: string;
}

/** A port of the container's host that leads to the container: `[ADDRESS:]PORT:PORT[/udp]`. */
export interface PublishedPort {
  /** Of the host. Absent: all of them but loopback, of the families that the container has an address in. */
  readonly address?: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
}

/** Who publishes a port: `/causeway/v1/published/<protocol>/<port>`. No two of a host overlap. */
export interface PublishedClaims {
  readonly holders: readonly PublishedHolder[];
}

export interface PublishedHolder {
  readonly container: string;
  readonly host: string;
  /** Of the host. Absent: all of them. */
  readonly address?: string;
}

/** A file or folder of the host inside the container. */
export interface BindMount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly destination: string;
  readonly readOnly?: boolean;
}

export const CONTAINER_STATES = ['running', 'starting', 'failed', 'exited', 'stopped', 'detached'] as const;

/**
 * `starting`: its image is on its way, or others come first (`reason` says which of both). `failed`: it could not be started,
 * or waits for its next start. `exited`: it has ended and its policy does not start it again. `stopped`: the user wanted it.
 * `detached`: a container of others that does not run.
 */
export type ContainerState = (typeof CONTAINER_STATES)[number];

/** What became of it: `/causeway/v1/container-status/<name>`, written by its host's agent. */
export interface ContainerStatus {
  readonly name: string;
  readonly host: string;
  readonly state: ContainerState;
  /** IPv4 address without a prefix length; absent in a network of IPv6 only, and where the mode gives it none. */
  readonly address?: string;
  readonly ipv6Address?: string;
  /** Process id of its first process, in the host's pid namespace. */
  readonly pid?: number;
  readonly reason?: string;
  /** Of the last process, once one has ended; 128 + N for a signal. */
  readonly exitCode?: number;
  /** Of the last start, ISO 8601 in UTC. */
  readonly startedAt?: string;
  /** Starts since it was made, but the first. Absent: none. */
  readonly restarts?: number;
}
