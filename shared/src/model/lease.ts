/** One host's lease of a subnet, as read from etcd. A flannel node's lease has no `node`. */
export interface SubnetLease {
  /** `10.10.1.0/24` */
  readonly subnet: string;
  /** The host's address on the hosts' network: next hop of the route to `subnet`. */
  readonly publicIp: string;
  /** flannel's word: `host-gw`, `vxlan`… */
  readonly backendType: string;
  readonly node?: { readonly id: string; readonly name: string };
}
