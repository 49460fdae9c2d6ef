/** One place that serves a service's port. */
export interface Endpoint {
  /** The service port's name, `''` for an unnamed one. */
  readonly portName: string;
  readonly address: string;
  /** 1–65535 */
  readonly port: number;
  /** The reference it was resolved from, as the user typed it. */
  readonly ref: string;
  readonly container?: string;
  /** The host that it runs on, when known. */
  readonly node?: string;
}

/** What the controller resolved: `/causeway/v1/services/<name>/endpoints`. Agents program exactly this. */
export interface EndpointSet {
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  /** References that name nothing that runs, each as a sentence. */
  readonly unresolved: readonly string[];
}
