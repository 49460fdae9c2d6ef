/** What one host's agent found of the endpoints that it asks: `/causeway/v1/health/<node>`. Written when it changes. */
export interface HealthRecord {
  readonly node: string;
  /** Only those that are not healthy, or were not asked often enough yet. */
  readonly unhealthy: readonly UnhealthyEndpoint[];
  /**
   * `healthId`s of those that it has found healthy and that their set has as unready, perhaps of some more: of those that
   * are healthy there, too, it does not speak. So an endpoint of neither list stays what it is. Absent, as agents wrote it
   * before there was such a list: all the others are healthy.
   */
  readonly healthy?: readonly string[];
}

/** Names an endpoint by service, port and place, as `Endpoint` does. */
export interface AskedEndpoint {
  readonly service: string;
  readonly portName: string;
  readonly address: string;
  readonly port: number;
}

export interface UnhealthyEndpoint extends AskedEndpoint {
  /** A sentence. */
  readonly reason: string;
}

/** Of service, port and place: no other endpoint has it. */
export function healthId({ service, portName, address, port }: AskedEndpoint): string {
  return `${service} ${portName} ${address} ${port}`;
}
