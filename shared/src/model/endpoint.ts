/**
 * `ready`: takes connections. `draining`: takes them only where no endpoint is ready. `unready`: takes none, unless the
 * service says so (`whenUnhealthy`): its check fails, or its host is dead. `drained`: the deadline of its drain is over,
 * it takes none whatever the service says, and those that it has are cut.
 */
export type EndpointState = 'ready' | 'draining' | 'unready' | 'drained';
export const ENDPOINT_STATES: readonly EndpointState[] = ['ready', 'draining', 'unready', 'drained'];

/** One place that serves a service's port. */
export interface Endpoint {
  /** The service port's name, `''` for an unnamed one. */
  readonly portName: string;
  /** Of a family that the service serves. */
  readonly address: string;
  /** 1–65535 */
  readonly port: number;
  /** The reference it was resolved from, as the user typed it; for one that was selected, the name of what was. */
  readonly ref: string;
  /** Absent: `ready`. */
  readonly state?: EndpointState;
  /** Why it is not ready; a sentence. */
  readonly reason?: string;
  /** 0–100. Absent: 1. */
  readonly weight?: number;
  /** RFC 3339: from then on it is `drained`. */
  readonly drainUntil?: string;
  readonly container?: string;
  /** The host that it runs on, when known. */
  readonly node?: string;
  /** The host whose agent asks for its health: its own, or one that the controller chose. Absent: nobody asks. */
  readonly checkedBy?: string;
  /** RFC 3339: its asker has not said a word yet; if none is said until then, it counts as healthy. Absent: one was. */
  readonly unaskedUntil?: string;
}

/** What the controller resolved: `/causeway/v1/services/<name>/endpoints`. Agents program exactly this. */
export interface EndpointSet {
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  /** References that name nothing that runs, each as a sentence. */
  readonly unresolved: readonly string[];
}
