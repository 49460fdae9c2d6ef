/** A container that an agent should run: `/causeway/v1/containers/<name>`. Names are unique in the cluster. */
export interface ContainerSpec {
  readonly name: string;
  /** Node name of the host that runs it. */
  readonly host: string;
  /** Program and arguments; run in an image made from the host's static busybox. */
  readonly command: readonly string[];
  /** Text files put into the container's root, by absolute path. */
  readonly files: Readonly<Record<string, string>>;
  /** What services select by. Absent: none. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What became of it: `/causeway/v1/container-status/<name>`, written by its host's agent. */
export interface ContainerStatus {
  readonly name: string;
  readonly host: string;
  readonly state: 'running' | 'failed';
  /** IPv4 address without a prefix length; absent in a network of IPv6 only. */
  readonly address?: string;
  readonly ipv6Address?: string;
  /** Process id of its first process, in the host's pid namespace. */
  readonly pid?: number;
  readonly reason?: string;
}
