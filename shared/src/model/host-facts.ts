/** What the host itself says, read once by the effects layer and handed to the planner as input. */
export interface HostFacts {
  readonly name: string;
  readonly id: string;
  /** The link on the hosts' network, and this host's address on it. */
  readonly iface: string;
  readonly publicIp: string;
  /** CIDR of the hosts' network on that link: `192.168.122.0/24`. A host-gw peer must be inside. */
  readonly ifaceSubnet: string;
  readonly mtu: number;
}
