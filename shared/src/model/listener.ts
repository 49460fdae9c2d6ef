import type { Protocol } from './service.ts';

/** A place of a host where a program of it waits for whoever comes from elsewhere. */
export interface Listener {
  readonly protocol: Protocol;
  /** `0.0.0.0`: all addresses of IPv4; `::`: all of both families, unless the program wants IPv6 alone. */
  readonly address: string;
  readonly port: number;
}
