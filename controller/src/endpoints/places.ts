import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { Workload } from '@causeway/shared/model/workload';
import type { HostAt } from './hosts-by-subnet.ts';

export type Labels = Readonly<Record<string, string>>;

/** Of an endpoint that is not healthy: why, a sentence. */
export type HealthVerdict = 'healthy' | { readonly complaint: string };

/** What resolving must know of the cluster. */
export interface Places {
  container(name: string): ContainerSpec | undefined;
  status(name: string): ContainerStatus | undefined;
  workload(name: string): Workload | undefined;
  /** Names of the containers and workloads that carry all of these labels, sorted. */
  selected(selector: Labels): readonly string[];
  readonly hostAt: HostAt;
  /** Whether a host's endpoints have left the services. */
  isDrained(host: string): boolean;
  /** Whether it has registered itself as a host of ours. */
  isHost(name: string): boolean;
  /** Whether its agent keeps it alive, as far as that is known. */
  isAlive(host: string): boolean;
  /** Names of those that are alive. */
  liveHosts(): readonly string[];
  /** What a host's agent has found of an endpoint that it asks; undefined: it has not said a word about it. */
  verdict(host: string, service: string, endpoint: Endpoint): HealthVerdict | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Whether something that carries these labels is what a selector asks for. */
export function selects(selector: Labels, labels: Labels | undefined): boolean {
  return labels !== undefined && Object.entries(selector).every(([key, value]) => labels[key] === value);
}
