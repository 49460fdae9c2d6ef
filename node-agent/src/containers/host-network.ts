import type { ByFamily } from '@causeway/shared/net/family';

/** What containers need to know of their host's network. A family has both a subnet and a gateway, or neither. */
export interface ContainerNetwork {
  /** This host's subnets, CIDR: `10.10.1.0/24`, `fd00:10:0:1::/64`. Empty: it has none, so no container can run. */
  readonly subnets: ByFamily<string>;
  /** The bridge's addresses, without a prefix length: `10.10.1.1`, `fd00:10:0:1::1`. */
  readonly gateways: ByFamily<string>;
  /** Name of the bridge, which must exist when there is a subnet: `cwy0`. */
  readonly bridge: string;
  /** Bytes. */
  readonly mtu: number;
  /** The host's own on the hosts' network: what containers with the host's network have. */
  readonly hostAddresses?: ByFamily<string>;
}
