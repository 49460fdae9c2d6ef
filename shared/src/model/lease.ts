import type { ByFamily } from '../net/family.ts';

/**
 * One host's lease, as read from etcd: a subnet in each family of the network, under one key of flannel's.
 * A flannel node's lease has no `node`.
 */
export interface SubnetLease extends ByFamily<FamilyLease> {
  /** flannel's word: `host-gw`, `vxlan`… */
  readonly backendType: string;
  readonly node?: { readonly id: string; readonly name: string };
}

export interface FamilyLease {
  /** `10.10.1.0/24`, `fd00:10:0:1::/64` */
  readonly subnet: string;
  /** The host's address in this family on the hosts' network; absent: it has told none. */
  readonly publicIp?: string;
  /** The host's end of the tunnel in this family; absent: it has none. */
  readonly vtep?: Vtep;
}

/** flannel's BackendData (IPv4) or BackendV6Data (IPv6) of vxlan. */
export interface Vtep {
  readonly vni: number;
  /** Link-layer address of the tunnel device, lower case with colons. */
  readonly mac: string;
}
