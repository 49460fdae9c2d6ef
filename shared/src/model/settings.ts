/** Cluster-wide settings, written once by the controller under `/causeway/v1/settings`, read by all. */
export interface Settings {
  /** VIPs that nobody chose are taken from here, CIDR. */
  readonly serviceRange: string;
  /** First and last NodePort, both included. */
  readonly nodePortMin: number;
  readonly nodePortMax: number;
}

export const DEFAULT_SETTINGS: Settings = {
  serviceRange: '10.96.0.0/16',
  nodePortMin: 30000,
  nodePortMax: 32767,
};
