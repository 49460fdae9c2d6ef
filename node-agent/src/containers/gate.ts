import type { ContainerAddresses } from '@causeway/shared/model/local-containers';

export type { ContainerAddresses } from '@causeway/shared/model/local-containers';

/** Who must agree before a container of this host has an address. */
export interface AddressGate {
  /**
   * Tells of the addresses on the bridge of all containers of this host: of those that are here, and of those that are
   * about to be started, repaired or attached. Waits until the kernel holds what rules there are for them, for ten seconds
   * at most; at once when nothing has to change for them. Never rejects.
   *
   * @returns by name, why a container may not have its address or its process yet, a sentence; those that may are absent.
   *   What runs goes on running.
   */
  announce(all: readonly ContainerAddresses[]): Promise<ReadonlyMap<string, string>>;
}
