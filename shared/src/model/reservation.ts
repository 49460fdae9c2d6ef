/** A subnet bound to a host's name for ever: `/causeway/v1/reservations/<subnet>`, one key per subnet and family. */
export interface Reservation {
  readonly subnet: string;
  readonly node: string;
}

/** What an operator has decided about a host: `/causeway/v1/node-policies/<name>`; absent: nothing. */
export interface NodePolicy {
  readonly name: string;
  /** No new containers are placed on it. */
  readonly cordoned: boolean;
  /** Its endpoints have left the services: no new connections; those that stand go on. */
  readonly drained: boolean;
}
