/** Each flag's name and place-holder, and what it is. */
export const NETWORK_FLAGS: readonly (readonly [flag: string, text: string])[] = [
  ['--network <cidr>', 'IPv4 network of all containers, or "none" (default of a new cluster: 10.10.0.0/16)'],
  ['--network-ipv6 <cidr>', 'IPv6 network of all containers (default of a new cluster: none)'],
  ['--subnet-len <n>', "prefix length of each host's IPv4 subnet"],
  ['--subnet-len-ipv6 <n>', "prefix length of each host's IPv6 subnet"],
  ['--backend <type>', 'how hosts reach each other: host-gw or vxlan (default of a new cluster: host-gw)'],
  ['--direct-routing [flag]', 'with vxlan: hosts on the same link get plain routes'],
  ['--fallback <type>', 'with host-gw: "vxlan" reaches the hosts on other links through a tunnel'],
  ['--vni <n>', "number of the tunnel's network (default: 1)"],
  ['--port <n>', "UDP port of the tunnel (default: the kernel's 8472)"],
  ['--mtu <n>', "bytes that the hosts' link carries (default: what each link says)"],
  ['--masquerade <flag>', 'whether containers talk to the outside with their host’s address (default: true)'],
  ['--non-masquerade <cidrs>', 'destinations that see the containers’ own addresses, separated by commas'],
];
