/** The network configuration, exactly as flannel stores it under `<prefix>/config` (a superset is accepted). */
export interface NetworkConfig {
  /** The network of all containers, CIDR, host bits zero: `10.10.0.0/16`. */
  readonly network: string;
  /** Prefix length of one host's subnet, 24 unless the network is smaller than /22. */
  readonly subnetLen: number;
  /** First and last subnet that may be leased, as addresses: `10.10.1.0`, `10.10.255.0`. */
  readonly subnetMin: string;
  readonly subnetMax: string;
  /** flannel's word, lower case. */
  readonly backend: 'host-gw';
}
