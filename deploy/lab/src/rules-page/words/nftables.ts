import type { Station, Words } from '../explain.ts';

/** The chains in the order in which a packet meets them. */
export const NFTABLES_STATIONS: readonly Station[] = [
  {
    chain: 'prerouting',
    says: 'Asked for every packet that arrives on a link, before the host looks up its way. A chain of type `nat` is asked about the first packet of a connection only: what it decides, the kernel remembers (conntrack) and repeats for all that follow, in both directions.',
  },
  {
    chain: 'output',
    says: 'The same for what programs of the host itself send: their packets arrive on no link, so they never pass `prerouting`. Without this chain `curl 2.2.2.2:88` would work in containers and not on the host.',
  },
  {
    chain: 'services',
    says: 'Both ways in lead here. Two questions, however many services there are.',
  },
  {
    chain: 'node-ports',
    says: 'What is for an address of this host. Behind it no rule follows, so a port that is no NodePort goes on to the programs of the host.',
  },
  {
    chain: 'pick2',
    says: 'Shared by all services with two endpoints; one with three would bring `pick3`, once. kube-proxy makes a chain for each service, and until 1.35 made one for each endpoint too: ten thousand services of two endpoints were thirty thousand chains.',
  },
  {
    chain: 'node-pick2',
    says: 'The same for NodePorts. The key has no address, since a NodePort is served on each address of the host.',
  },
  {
    chain: 'forward',
    says: 'What only passes through this host: its containers’ packets, and those of clients that are routed through it. Translation has happened, so packets for services carry an endpoint’s address here.',
  },
  {
    chain: 'input',
    says: 'What is for the host itself. Whatever is translated to a container is forwarded instead, so what comes here was not.',
  },
  {
    chain: 'local-output',
    says: 'What the host itself sends, after its translation in `output`.',
  },
  {
    chain: 'refuse-vips',
    says: 'A VIP is on no link of any host: it exists as a translation only. A packet that still has one as its destination has found no endpoint.',
  },
  {
    chain: 'refuse',
    says: 'A verdict in a map cannot refuse, it can only lead to a chain that does. To be told at once is what a client can act on; one that hears nothing waits for minutes.',
  },
  {
    chain: 'postrouting',
    says: 'Asked when the way is decided and the packet is about to leave: here its source may be replaced by an address of this host (masquerade). Once more for the first packet of a connection only. The order counts: the first rule that fits decides.',
  },
];

export const NFTABLES_MAPS: Words = {
  'map services { type ipv4_addr . inet_proto . inet_service : verdict }':
    'The VIPs. An element per port of a service: address, protocol and port lead to what happens next. The kernel finds it by its hash, so the thirty-thousandth service costs a packet no more than the first.',
  'map pick2 { typeof ip daddr . meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport }':
    'The endpoints of all services that have two. The last part of the key is a number from 0 to 1 that the rule in chain `pick2` draws. Of an endpoint with thrice the weight there would be three elements, in a map `pick4`. A changed endpoint is a changed element: no rule is touched.',
  'map node-ports { type inet_proto . inet_service : verdict }':
    'The NodePorts, likewise. Without the host’s address, so that it holds on all of them.',
  'map node-pick2 { typeof meta l4proto . th dport . numgen random mod 2 : ip daddr . th dport }':
    'Their endpoints.',
  'set hairpins { type ipv4_addr . ipv4_addr }':
    'Every endpoint, as source and as destination: the packets of one that was led to itself.',
  'set vips { type ipv4_addr }':
    'Every VIP, whatever its ports. A packet that still has one as its destination after the translation is refused.',
  'set idle-node-ports { type inet_proto . inet_service }':
    'NodePorts of services without an endpoint. Here there is none.',
};

const FIRST_PACKET = 'To a chain that `prerouting` and `output` share, so that whoever asks is served alike.';
const MARKS =
  'The client is no container: outside, or a host. Its packet gets a mark, which `postrouting` turns into this host’s address as source. Otherwise the endpoint would answer the client straight, and a client that asked 2.2.2.2 drops an answer from 10.10.14.2. Only one bit is set, so the marks of other programs survive.';
const NEW_ONLY =
  'What stands goes on, whatever becomes of services: a program of the host may have had this connection long before.';

export const NFTABLES_RULES: Words = {
  'prerouting: jump services': FIRST_PACKET,
  'output: jump services':
    'The same way. The kernel looks for a route once more afterwards, for the endpoint.',
  'services: ip daddr . meta l4proto . th dport vmap @services':
    'Address, protocol and port are looked up in the map of VIPs. What is found says where the packet goes; nothing found: on to the next rule. kube-proxy’s iptables mode has a rule for each service here instead, and a packet for the last one is compared with all of them.',
  'services: ip daddr != LOOPBACK fib daddr type local goto node-ports':
    '`fib … local` asks the routing table whether the destination is an address of this host: only then it can be a NodePort. Loopback is excepted: what leaves the host with 127.0.0.1 as source is dropped by the kernel, unless `route_localnet` opens a known hole (CVE-2020-8558).',
  'node-ports: meta l4proto . th dport vmap @node-ports':
    'As for the VIPs: one look-up leads to the endpoints, or nowhere.',
  'pick2: ip saddr != NETWORK meta mark set meta mark | 0x00002000': MARKS,
  'pick2: meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @pick2':
    'Draws 0 or 1, looks up VIP, protocol, port and that number, and writes what is found into the packet: the endpoint’s address and its port (dnat). This is all that a service is. The kernel puts the VIP back as the source of each answer. The match in front is there because nft translates ports only where it knows that there are some.',
  'node-pick2: ip saddr != NETWORK meta mark set meta mark | 0x00002000':
    'As in `pick2`. Here it is the usual case: most who use a NodePort come from outside, and the endpoint may be on another host. (With `--external-policy local` they come to endpoints of this host alone, by a chain of its own, unmarked.)',
  'node-pick2: meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport . numgen random mod 2 map @node-pick2':
    'As in `pick2`, without the address in the key.',
  'forward: ct state established,related accept':
    'What stands goes on: nearly all packets are decided by this one question. An accept here is no promise: a packet must pass the tables of others too, Docker’s for instance.',
  'forward: ip saddr NETWORK meta l4proto tcp ct state invalid drop':
    'conntrack does not translate what it takes for invalid, such as a late answer beside the window. It would reach the client from the endpoint’s own address; the client never spoke to that, answers with a reset, and ends a healthy connection (kubernetes #74839).',
  'forward: jump refuse-vips': 'Still for a VIP after the translation: nobody serves this port of it.',
  'input: ct state != new accept': NEW_ONLY,
  'input: ip daddr != LOOPBACK meta l4proto . th dport @idle-node-ports goto refuse':
    'A NodePort whose service has no endpoint refuses at once. With an endpoint its packets were translated, and never come here.',
  'input: jump refuse-vips':
    'For hosts on which somebody has put a VIP on a link: its unknown ports are refused there too.',
  'local-output: ct state != new accept': NEW_ONLY,
  'local-output: jump refuse-vips': 'As in `forward`, for programs of the host.',
  'refuse-vips: ip daddr @vips goto refuse':
    'A VIP that lives, and a port that no service has there, or whose service has no endpoint: connection refused.',
  'refuse-vips: ip daddr SERVICE-RANGE drop':
    'An address of the range that VIPs are given out from, and nobody has it. It is dropped, like a packet to a machine that is not there. Without the rule such packets would leave by the default route, and come back in a circle where a router leads the range to this host.',
  'refuse: reject with tcp reset':
    'TCP is refused by a reset (nft lists the rule without its `meta l4proto tcp`, which a reset says by itself): “connection refused”, as if the port of a living machine were closed.',
  'refuse: reject':
    'All else by an ICMP message, port unreachable (nft’s default, so it lists no more of it): a socket of UDP is told the same.',
  'postrouting: meta mark & 0x00002000 == 0x00002000 meta mark set meta mark & 0xffffdfff masquerade fully-random':
    'Marked where the endpoint was picked: the packet gets this host’s address as source, so the answer comes back here and is translated back. The mark is cleared, so that a packet that is later put into a tunnel is not masqueraded again. `fully-random` draws the source port, so that two connections at one moment do not get the same one, of which one would be lost.',
  'postrouting: ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random':
    'Hairpin: web-1 asked the VIP and was led to web-1. Unchanged, it would get a packet from itself to itself and drop it. With the bridge’s address as source the answer comes back here. One look-up for all endpoints; kube-proxy’s iptables mode has a rule in each endpoint’s chain for it.',
  'postrouting: ip saddr SUBNET ip daddr NETWORK return':
    'From a container of this host to any container: nobody’s address is replaced. That is the flat network: web-2 sees web-1 itself.',
  'postrouting: ip saddr NETWORK ip daddr SUBNET return':
    'From any container to one of this host: the same, for what arrives here.',
  'postrouting: ip saddr != NETWORK ip daddr SUBNET return':
    'From outside to a container of this host: its answer passes this host in any case, so the client’s address may stay, for logs and for access rules.',
  'postrouting: ip saddr NETWORK ip daddr != MULTICAST masquerade fully-random':
    'A container to the outside: nobody there knows a way to 10.10.0.0/16, so the packet leaves as the host’s own. Groups are excepted: whoever listens to a group wants to know who spoke.',
  'postrouting: ip saddr != NETWORK ip daddr NETWORK masquerade fully-random':
    'From outside, or from this host, to a container of *another* host: unmasqueraded, the answer would go from that host straight to the client, past this one, and conntrack here would see half a connection.',
  'postrouting: ip saddr LINK-LOCAL return':
    'A link-local address is good on its own link only, where it must stay what it is: neighbours are found by it.',
  'postrouting: ip daddr LINK-LOCAL return': 'The same for what goes to one.',
};
