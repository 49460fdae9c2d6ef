/**
 * Something that serves and that no agent of ours runs: a process, a machine, a container of others. Registered by the
 * user, so that services can name and select it: `/causeway/v1/workloads/<name>`. Names are those of containers, too:
 * unique in the cluster.
 */
export interface Workload {
  readonly name: string;
  /** One of each family at most. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}
