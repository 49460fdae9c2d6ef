/**
 * Something that happened to a host and that people should hear of: `/causeway/v1/events/<node>/<slot>`. Each host
 * keeps its last ones in a ring of slots, on its lease of ownership.
 */
export interface NodeEvent {
  readonly node: string;
  /** Grows by one with each event of the host; `slot` is its remainder by `EVENT_SLOTS`. */
  readonly sequence: number;
  /** RFC 3339. */
  readonly at: string;
  readonly kind: EventKind;
  readonly severity: 'info' | 'warning';
  /** One sentence. */
  readonly message: string;
}

export const EVENT_SLOTS = 64;

export const EVENT_KINDS = [
  'joined',
  /** All subnets are leased: the host waits for one. */
  'waiting',
  /** The lease was deleted, ran out, or is another's: the host stopped using the subnet. */
  'fenced',
  'restored',
  /** The host has another subnet. */
  'moved',
  'container-moved',
  /** A container could not be moved: somebody must restart it. */
  'restart-needed',
  /** A container of others was given a network, or has ended and lost it. */
  'container-attached',
  'container-detached',
  'address-changed',
  /** A change of the network's configuration is not followed until it is confirmed. */
  'network-refused',
  'network-changed',
  /** Somebody else uses this host's id. */
  'duplicate-id',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];
