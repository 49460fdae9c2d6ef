import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ByFamily } from '@causeway/shared/net/family';
import type { ContainerNetwork } from './host-network.ts';
import type { Observed } from './observe.ts';
import type { Layout, Place } from './places.ts';

/** Everything that a container's connection may depend on. */
export interface World {
  /** All of this host. */
  readonly specs: readonly ContainerSpec[];
  readonly observed: Observed;
  readonly network: ContainerNetwork;
  readonly layout: Layout;
  /** Of all that can have any, by name. */
  readonly addresses: ReadonlyMap<string, ByFamily<string>>;
}

/** What is wrong with a connection. */
export interface Fault {
  readonly why: string;
  /** `restart`: only a new start mends it. `wait`: nothing can be done here before something else happens. */
  readonly cure: 'repair' | 'restart' | 'wait';
}

export interface MakeRequest {
  readonly place: Place;
  readonly addresses: ByFamily<string>;
  readonly world: World;
  /** Nothing of it is there: neither a namespace nor a link. */
  readonly fresh: boolean;
  /** Of one that is fresh: its namespace is there all the same. */
  readonly hasNetns?: boolean;
}

/** How one container is connected, in whatever mode (`modes/index.ts` chooses). */
export interface Connection {
  /** A container that must run before this one can: its namespace is this one's. */
  readonly needs?: string;
  /** The namespace is the container's own, named `cwy-NAME`. */
  readonly ownNetns: boolean;
  /** The namespace that its processes join; undefined: the host's. */
  netnsPath(world: World): string | undefined;
  /** A link `eth0` is there before its first process starts. */
  readonly bringsLink: boolean;
  /** Of one that runs; undefined: nothing is wrong. */
  fault(world: World): Fault | undefined;
  /**
   * Namespace, links, addresses and routes, whatever of it is there already.
   *
   * @throws CausewayError `not-found` when the host lacks what it needs; `command-failed`
   */
  make(request: MakeRequest): Promise<void>;
}
