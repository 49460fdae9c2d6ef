/** Cluster-wide settings, written once by the controller under `/causeway/v1/settings`, read by all. */
export interface Settings {
  /** VIPs that nobody chose are taken from here, CIDR. */
  readonly serviceRange: string;
  /** As `serviceRange`, of IPv6. Absent: no VIP of IPv6 is given out. */
  readonly serviceRangeIpv6?: string;
  /**
   * NodePorts are served on the addresses of hosts inside of these CIDRs; with those of one family only, on none of the
   * other. Absent or empty: on all.
   */
  readonly nodePortCidrs?: readonly string[];
  /** First and last NodePort, both included. */
  readonly nodePortMin: number;
  readonly nodePortMax: number;
}

export const DEFAULT_SETTINGS: Settings = {
  serviceRange: '10.96.0.0/16',
  serviceRangeIpv6: 'fd00:10:96::/112',
  nodePortMin: 30000,
  nodePortMax: 32767,
};
