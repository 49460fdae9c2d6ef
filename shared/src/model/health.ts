/** What one host's agent found of the endpoints that it asks: `/causeway/v1/health/<node>`. Written when it changes. */
export interface HealthRecord {
  readonly node: string;
  /** Only those that are not healthy, or were not asked often enough yet. */
  readonly unhealthy: readonly UnhealthyEndpoint[];
}

/** Names an endpoint by service, port and place, as `Endpoint` does. */
export interface UnhealthyEndpoint {
  readonly service: string;
  readonly portName: string;
  readonly address: string;
  readonly port: number;
  /** A sentence. */
  readonly reason: string;
}
