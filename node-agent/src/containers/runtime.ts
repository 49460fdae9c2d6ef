import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';

/** What containers need to know of their host's network. */
export interface ContainerNetwork {
  /** This host's subnet, CIDR: `10.10.1.0/24`. */
  readonly subnet: string;
  /** The bridge's address, without a prefix length: `10.10.1.1`. */
  readonly gateway: string;
  /** Name of the bridge, which must exist: `cwy0`. */
  readonly bridge: string;
  readonly mtu: number;
}

/** The part of a pino logger that is used here. */
export interface RuntimeLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RuntimeOptions {
  /** Survives reboots: addresses, images, root file systems, logs. Default `/var/lib/causeway`. */
  readonly stateDir: string;
  /** Gone after a reboot: runc's state and the bundles. Default `/run/causeway`. */
  readonly runDir: string;
  readonly logger?: RuntimeLogger;
}

export interface ContainerRuntime {
  /**
   * Brings this host's containers to exactly `specs`: makes missing ones, removes others, restarts dead ones
   * (with a growing delay), repairs their links, leaves running ones untouched. Safe to repeat; calls queue up.
   *
   * @returns one status per spec, in the order of the specs. Never rejects for a single container's fault.
   */
  reconcile(specs: readonly ContainerSpec[], network: ContainerNetwork): Promise<readonly ContainerStatus[]>;
  /**
   * Calls `listener` when a container's process has ended or a delayed restart is due: time for `reconcile`.
   *
   * @returns stops it
   */
  onNeed(listener: () => void): () => void;
  /**
   * Removes every container, namespace, link and file of ours on this host; half of it may be missing.
   *
   * @returns a sentence for each thing that was removed
   */
  removeAll(): Promise<readonly string[]>;
}

export function createRuntime(_options: RuntimeOptions): ContainerRuntime {
  return {
    reconcile: async (specs) =>
      specs.map(({ name, host }) => ({ name, host, state: 'failed', reason: 'not built' })),
    onNeed: () => () => undefined,
    removeAll: async () => [],
  };
}
