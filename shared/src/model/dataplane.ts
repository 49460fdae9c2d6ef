/** Which rule language a host's kernel is programmed in (Calico's word). */
export type Dataplane = 'nftables' | 'iptables';
export const DATAPLANES: readonly Dataplane[] = ['nftables', 'iptables'];
