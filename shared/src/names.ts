/**
 * Every name that Causeway leaves in a kernel, in etcd or on a disk.
 *
 * Changing one of these changes what a *running* host is called: an upgraded agent would not recognise what
 * its predecessor made, and `cleanup` would leave it behind. Add a migration with any change here.
 */

/** nftables: one table of this name per family (`ip`, `ip6`). */
export const NFT_TABLE = 'causeway';

/** iptables: every chain of ours starts with this (at most 28 characters in all, a kernel limit). */
export const CHAIN_PREFIX = 'CWY-';

/** ipsets of iptables' policies start with this (at most 31 characters in all, a kernel limit). */
export const SET_PREFIXES = { ipv4: 'CWY4-', ipv6: 'CWY6-' } as const;

/** Links of ours start with this; the bridge that containers hang on. */
export const LINK_PREFIX = 'cwy';
export const BRIDGE = 'cwy0';
/** What the kernel keeps as the alias of a bridge of ours that bears another name. */
export const BRIDGE_ALIAS = 'causeway';

/** VXLAN devices, one per family of the outer packets, with the VNI behind: `cwyx.1`, `cwyx6.1`. */
export const TUNNEL_PREFIXES = { ipv4: `${LINK_PREFIX}x.`, ipv6: `${LINK_PREFIX}x6.` } as const;

/** Routes of ours carry this protocol number (`ip route show proto 88`); 88 is free in rt_protos of iproute2. */
export const ROUTE_PROTOCOL = 88;

/**
 * The fwmark bit of packets that must be masqueraded. Collides with none of Kubernetes (0x4000, 0x8000),
 * Docker Swarm (0x1), Weave (0x20000, 0x40000), Tailscale (0xff0000), Calico (0xffff0000), Cilium (0xf00).
 */
export const DEFAULT_MARK = 0x2000;

/** flannel's own prefix, shared with flannel daemons on purpose. */
export const FLANNEL_PREFIX = '/coreos.com/network';
/** Everything else of ours in etcd. */
export const CAUSEWAY_PREFIX = '/causeway/v1';

/** Where a host keeps what survives a reboot, and what does not. */
export const STATE_DIR = '/var/lib/causeway';
export const RUN_DIR = '/run/causeway';
export const CONTROLLER_SOCKET = `${RUN_DIR}/controller.sock`;
/** flannel's own file with the host's subnet, for whoever configures containers by it. */
export const SUBNET_FILE = '/run/flannel/subnet.env';
/** The TCP port, on the host's loopback address, of the agent's health pages. */
export const AGENT_PORT = 7481;
/** The TCP port, on the host's address, at which an agent answers controllers and other agents. */
export const AGENT_API_PORT = 7482;
/** The TCP port of the controller's REST API. */
export const CONTROLLER_PORT = 7480;
