import type { Station, Words } from '../explain.ts';

/** What published ports and policies of containers bring. */
export const CONTAINER_STATIONS: readonly Station[] = [
  {
    chain: 'published-prerouting',
    says: 'There while a container of this host publishes a port. Asked right after `prerouting` (-99 after -100): a service goes first.',
  },
  { chain: 'published-output', says: 'The same for what programs of the host send.' },
  {
    chain: 'published',
    says: 'Both ways in lead here. Two questions again, however many ports are published.',
  },
  { chain: 'publish', says: 'For ports that are published on one address of the host. Here there is none.' },
  { chain: 'publish-anywhere', says: 'For ports that are published on all of them.' },
  {
    chain: 'published-postrouting',
    says: 'In front of `postrouting` (99 before 100), for containers that come to themselves.',
  },
  {
    chain: 'policies-asked',
    says: 'There while a container of this host has a policy. In front of all translation (-115), for what a container asked for: only here a VIP is still to be seen. Of type `nat`, though it translates nothing, so that the first packet of a connection alone costs anything.',
  },
  {
    chain: 'policies-forward',
    says: 'What passes through this host, after all translation and after what refuses VIPs (1 after 0). Also what goes from one container to another of the same bridge: `bridge-nf-call-iptables` sends that through here.',
  },
  {
    chain: 'policies-input',
    says: 'What containers say to the host itself. There is no such chain for what the host says to them: it always reaches its containers, for their health checks.',
  },
  {
    chain: 'policies-begin',
    says: 'For containers whose policies say nothing of this direction. Here there is none.',
  },
  {
    chain: 'policy-ID-to',
    says: 'Connections to containers of one and the same policies; the name has a hash of theirs. First what is denied, then what is allowed, then what is allowed up to a rate, then the default. `return` leads back to `policies-forward`, where the other end’s policies may still be asked.',
  },
  {
    chain: 'policy-ID-to-limit0',
    says: 'The first rule with a rate. One bucket for all clients together, on this host, in this family: who is to have one for himself needs a rule for himself.',
  },
  {
    chain: 'policy-ID-from',
    says: 'Connections from these containers. Nothing is allowed in particular, since everything is by default.',
  },
  { chain: 'policy-ID-from-asked', says: 'What they may not ask for, wherever it would have led.' },
];

const BY_PORT = 'The same by protocol and port.';
const DROPPED =
  'Dropped without a word: whoever may not come learns nothing, not even that somebody is there.';
const BEGINS =
  'A packet of TCP that begins nothing, and that conntrack does not know: of a connection that it was made to forget, since a policy refuses it. Taken for a new one, it would go on.';
const MATCHES = 'Addresses and networks, of all protocols.';
const PORTS =
  'Addresses and networks with protocol and ports. No two of these overlap: what the policy’s rules have in common is said once.';

export const CONTAINER_MAPS: Words = {
  'map published { type ipv4_addr . inet_proto . inet_service : verdict }':
    'Ports that are published on one address of the host. None here.',
  'map publish { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }': 'Where they lead.',
  'map published-anywhere { type inet_proto . inet_service : verdict }':
    'Ports that are published on all addresses of the host.',
  'map publish-anywhere { type inet_proto . inet_service : ipv4_addr . inet_service }':
    'Where they lead: a container’s address and port.',
  'set published-hairpins { type ipv4_addr . ipv4_addr }':
    'Containers that publish a port, as source and as destination: the packets of one that came to itself.',
  'map policies-to { type ipv4_addr : verdict }':
    'Containers of this host with policies, and the chain that is asked about connections to them.',
  'map policies-from { type ipv4_addr : verdict }': 'The same for connections from them.',
  'map policies-asked { type ipv4_addr : verdict }':
    'Those among them whose destinations are looked at before translation too: a policy denies some.',
  'set policy-ID-to-deny { type ipv4_addr; flags interval }': `Who may not come. ${MATCHES}`,
  'set policy-ID-to-deny-ports { type ipv4_addr . inet_proto . inet_service; flags interval }': PORTS,
  'set policy-ID-to-allow { type ipv4_addr; flags interval }':
    'Who may come. Sets are there even when they are empty, so that a first match is an element and not a rule.',
  'set policy-ID-to-allow-ports { type ipv4_addr . inet_proto . inet_service; flags interval }':
    'The addresses of web-1 and web-2, whom the policy names. When one of them moves, one element changes.',
  'set policy-ID-to-limit0 { type ipv4_addr; flags interval }': 'Who may come up to a rate.',
  'set policy-ID-to-limit0-ports { type ipv4_addr . inet_proto . inet_service; flags interval }': BY_PORT,
  'set policy-ID-from-deny { type ipv4_addr; flags interval }':
    'To whom they may not connect: the VIP of the example.',
  'set policy-ID-from-deny-ports { type ipv4_addr . inet_proto . inet_service; flags interval }': BY_PORT,
  'set policy-ID-from-allow { type ipv4_addr; flags interval }': 'To whom they may.',
  'set policy-ID-from-allow-ports { type ipv4_addr . inet_proto . inet_service; flags interval }': BY_PORT,
};

const MASQUERADED =
  'A program of this host asks: masqueraded, as on its way to a service. Whoever comes from outside keeps his address, since the container answers through this host anyhow.';
const STANDS = 'What stands goes on, and the answers: one question for nearly all packets.';
const NEIGHBOURS = 'Neighbours must find each other, whatever the policies say: this is what ARP is in IPv4.';

const NAMELESS =
  'A container that speaks with the address that every link has. No policy knows anybody by it, so while there are policies containers of one bridge do not reach each other, or their host, by such addresses.';
const NAMELESS_TARGET = 'The same for what goes to one.';

export const CONTAINER_RULES: Words = {
  'published-prerouting: jump published': 'Containers and outside clients come in here.',
  'published-output: jump published': 'Programs of the host come in here.',
  'published: fib daddr type local ip daddr . meta l4proto . th dport vmap @published':
    'A port that is published on this very address goes first, while it is one of this host’s: should it go to another host, what is for it only passes through.',
  'published: ip daddr != LOOPBACK fib daddr type local meta l4proto . th dport vmap @published-anywhere':
    'Any address of this host, loopback excepted, as with NodePorts.',
  'publish: fib saddr type local meta mark set meta mark | 0x00002000': MASQUERADED,
  'publish: meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @publish':
    'The translation.',
  'publish-anywhere: fib saddr type local meta mark set meta mark | 0x00002000': MASQUERADED,
  'publish-anywhere: meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @publish-anywhere':
    'The translation: port 8080 of the host becomes port 12345 of the container. By hand this is the rule that people write once in PREROUTING and forget in OUTPUT.',
  'published-postrouting: ct status dnat ip saddr . ip daddr @published-hairpins masquerade fully-random':
    'Hairpin: a container that asked for its own published port sees the bridge’s address instead of its own.',
  'policies-asked: ip saddr vmap @policies-asked': 'One look-up, however many containers have policies.',
  'policies-forward: ct state established,related accept': STANDS,
  'policies-forward: icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept':
    NEIGHBOURS,
  'policies-forward: iifname "cwy0" ip saddr LINK-LOCAL drop': NAMELESS,
  'policies-forward: iifname "cwy0" ip daddr LINK-LOCAL drop': NAMELESS_TARGET,
  'policies-forward: ip saddr vmap @policies-from': 'The policies of whoever begins the connection.',
  'policies-forward: ip daddr vmap @policies-to':
    'The policies of whoever it is for. Between two containers of this host both are asked.',
  'policies-input: ct state established,related accept': STANDS,
  'policies-input: icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept':
    NEIGHBOURS,
  'policies-input: iifname "cwy0" ip saddr LINK-LOCAL drop': 'As in `policies-forward`.',
  'policies-input: iifname "cwy0" ip daddr LINK-LOCAL drop': 'As in `policies-forward`.',
  'policies-input: ip saddr vmap @policies-from': 'As in `policies-forward`.',
  'policies-begin: tcp flags != syn / fin,syn,rst,ack drop': BEGINS,
  'policy-ID-to: tcp flags != syn / fin,syn,rst,ack drop': BEGINS,
  'policy-ID-to: ip saddr @policy-ID-to-deny drop': DROPPED,
  'policy-ID-to: ip saddr . meta l4proto . th dport @policy-ID-to-deny-ports drop': BY_PORT,
  'policy-ID-to: ip saddr @policy-ID-to-allow return': 'Allowed.',
  'policy-ID-to: ip saddr . meta l4proto . th dport @policy-ID-to-allow-ports return': BY_PORT,
  'policy-ID-to: ip saddr @policy-ID-to-limit0 goto policy-ID-to-limit0':
    '`goto` and not `jump`: whoever is within the rate is done with this policy.',
  'policy-ID-to: ip saddr . meta l4proto . th dport @policy-ID-to-limit0-ports goto policy-ID-to-limit0':
    BY_PORT,
  'policy-ID-to: drop': 'The default. Without it, everybody else might come.',
  'policy-ID-to-limit0: limit rate 25/minute burst 100 packets return':
    'A bucket of 100, into which 25 come a minute. “Packets” are new connections here, since nothing else gets this far.',
  'policy-ID-to-limit0: drop': 'Above the rate.',
  'policy-ID-from: tcp flags != syn / fin,syn,rst,ack drop': BEGINS,
  'policy-ID-from: ip daddr @policy-ID-from-deny drop': DROPPED,
  'policy-ID-from: ip daddr . meta l4proto . th dport @policy-ID-from-deny-ports drop': BY_PORT,
  'policy-ID-from: ip daddr @policy-ID-from-allow return': 'Allowed.',
  'policy-ID-from: ip daddr . meta l4proto . th dport @policy-ID-from-allow-ports return': BY_PORT,
  'policy-ID-from-asked: ip daddr @policy-ID-from-deny drop':
    'The VIP, before it becomes the address of an endpoint. In the chain above it would not be found any more.',
  'policy-ID-from-asked: ip daddr . meta l4proto . th dport @policy-ID-from-deny-ports drop': BY_PORT,
};
