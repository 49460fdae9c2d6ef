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

/**
 * What the user asked for, completed by the controller: `/causeway/v1/services/<name>/spec`.
 * `endpoints` are references as typed, `10.10.1.2:12345`, `web-1:12345` or `web-1`.
 */
export interface ServiceSpec {
  readonly name: string;
  /** Absent: the service has NodePorts only. */
  readonly vip?: string;
  readonly ports: readonly ServicePort[];
  readonly endpoints: readonly string[];
  /** RFC 3339 */
  readonly createdAt: string;
}
