/**
 * Where an agent answers the controller and other agents, and what proves that they may ask:
 * `/causeway/v1/agents/<node>`, on the lease of liveness. Whoever reads etcd may ask: he could start containers anyway.
 */
export interface AgentAddress {
  readonly node: string;
  /** An address of the host on the hosts' network, or another that `--api-addr` names, and a TCP port. */
  readonly address: string;
  readonly port: number;
  /** Pre-shared key of TLS, 32 bytes in hex, made anew at each start. */
  readonly key: string;
}
