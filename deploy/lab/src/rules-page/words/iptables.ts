import type { Station, Words } from '../explain.ts';

/** The chains in the order in which a packet meets them. */
export const IPTABLES_STATIONS: readonly Station[] = [
  {
    chain: 'nat PREROUTING',
    says: 'The kernel’s own chain for what arrives on a link. Causeway has a rule in front of all others here, and so in each of the kernel’s chains that it needs; the rest is in chains of its own, which start with `CWY-`.',
  },
  {
    chain: 'nat OUTPUT',
    says: 'What programs of the host send. By hand this jump is the first that one makes, and the one in `PREROUTING` is what one forgets: then the host reaches the service and no container does.',
  },
  {
    chain: 'nat CWY-SERVICES',
    says: 'A rule for each port of each service, read from top to bottom. This is why many services are slow here: nftables asks a map once.',
  },
  { chain: 'nat CWY-NODEPORTS', says: 'A rule for each NodePort.' },
  {
    chain: 'nat CWY-SVC-HASH',
    says: 'A chain for each port of a service, named by a hash, since names of chains end at 28 characters. It draws the endpoint.',
  },
  {
    chain: 'nat CWY-SEP-HASH',
    says: 'A chain for each endpoint of each service (here: two). It translates.',
  },
  { chain: 'nat CWY-MARK', says: 'A chain of one rule, so that the mark’s value stands in one place.' },
  {
    chain: 'filter FORWARD',
    says: 'What passes through this host. The table `filter` is asked after the translation, and about every packet, not only the first.',
  },
  {
    chain: 'filter CWY-FORWARD',
    says: 'Containers may pass, whatever the rules behind say. Docker, for one, sets the policy of `FORWARD` to `DROP`.',
  },
  { chain: 'filter INPUT', says: 'What is for the host itself.' },
  { chain: 'filter CWY-INPUT', says: 'What was not translated, and perhaps should be refused.' },
  {
    chain: 'filter CWY-UNSERVED',
    says: 'A rule for each NodePort that nobody serves. All are served here, so it is empty.',
  },
  { chain: 'filter OUTPUT', says: 'What the host sends, after its translation.' },
  {
    chain: 'filter CWY-VIPS',
    says: 'What still has a VIP as destination found no endpoint. A rule for each VIP, asked about new connections only.',
  },
  { chain: 'filter CWY-REJECT', says: 'How to refuse.' },
  {
    chain: 'nat POSTROUTING',
    says: 'The last chain before a packet leaves, where its source may be replaced.',
  },
  { chain: 'nat CWY-POSTROUTING', says: 'Who is masqueraded. The first rule that fits decides.' },
  { chain: 'nat CWY-MASQUERADE', says: 'What is done with marked packets.' },
];

const REFUSES =
  'Only the first packet of a connection is asked about: the list of VIPs is read from top to bottom, and what stands goes on.';

export const IPTABLES_RULES: Words = {
  'nat PREROUTING: -j CWY-SERVICES':
    'Containers and outside clients come in here. It stands in front, so that a rule of somebody else cannot translate the packet first.',
  'nat OUTPUT: -j CWY-SERVICES': 'Programs of the host come in here.',
  'nat CWY-SERVICES: -d VIP -p tcp -m tcp --dport 88 -j CWY-SVC-HASH':
    'The service: address, protocol and port lead to its chain.',
  'nat CWY-SERVICES: ! -d LOOPBACK -m addrtype --dst-type LOCAL -j CWY-NODEPORTS':
    'For an address of this host: perhaps a NodePort. Last, as kube-proxy has it, since it fits so many packets. Loopback is excepted: `127.0.0.1:30001` would need `route_localnet`, a known hole (CVE-2020-8558).',
  'nat CWY-NODEPORTS: -p tcp -m tcp --dport 30001 -j CWY-SVC-HASH':
    'The NodePort leads into the same chain as the VIP, and so to the same endpoints.',
  'nat CWY-SVC-HASH: ! -s NETWORK -j CWY-MARK':
    'The client is no container: marked, to be masqueraded in the end. Otherwise the endpoint would answer it straight, from an address that it never asked. `MARK` does not end the chain: the packet comes back and goes on.',
  'nat CWY-SVC-HASH: -m statistic --mode random --probability 0.50000000000 -j CWY-SEP-HASH':
    'The first of two endpoints takes half of the connections. The first of three would take a third, the second half of what is left: each rule has the probability of its weight divided by the weights from it on.',
  'nat CWY-SVC-HASH: -j CWY-SEP-HASH':
    'The last endpoint takes what is left, without a question: otherwise some connections would fall through.',
  'nat CWY-SEP-HASH: -s ENDPOINT -j CWY-MARK':
    'Hairpin: the endpoint itself asks and was drawn. Masqueraded, it sees the bridge’s address instead of its own and answers; unmasqueraded it would drop a packet from itself.',
  'nat CWY-SEP-HASH: -p tcp -j DNAT --to-destination ENDPOINT:12345':
    'The translation. `-p tcp` must be said, since only protocols with ports have one to write.',
  'nat CWY-MARK: -j MARK --set-xmark 0x2000/0x2000':
    'Sets one bit and leaves the others: Kubernetes has 0x4000 and 0x8000, Docker Swarm 0x1, and others theirs.',
  'filter FORWARD: -j CWY-FORWARD': 'In front, so that containers pass before a rule of Docker drops them.',
  'filter CWY-FORWARD: -s NETWORK -p tcp -m conntrack --ctstate INVALID -j DROP':
    'conntrack does not translate what it takes for invalid. The client would get an answer from an address that it never asked, and its reset would end a healthy connection (kubernetes #74839).',
  'filter CWY-FORWARD: -m conntrack --ctstate NEW -j CWY-VIPS':
    'Still for a VIP: no service has this port. Before the accepts, or containers would never be refused.',
  'filter CWY-FORWARD: -i cwy0 -o cwy0 -j ACCEPT':
    'Between containers of one bridge: neighbours find each other by link-local addresses and groups, which none of the rules below knows.',
  'filter CWY-FORWARD: -s NETWORK -j ACCEPT': 'What containers send.',
  'filter CWY-FORWARD: -d NETWORK -j ACCEPT': 'What is sent to them, and the answers to what they sent.',
  'filter INPUT: -m conntrack --ctstate NEW -j CWY-INPUT': REFUSES,
  'filter CWY-INPUT: -j CWY-VIPS': 'For hosts on which somebody has put a VIP on a link.',
  'filter CWY-INPUT: ! -d LOOPBACK -m addrtype --dst-type LOCAL -j CWY-UNSERVED':
    'For an address of this host: perhaps a NodePort without an endpoint.',
  'filter OUTPUT: -m conntrack --ctstate NEW -j CWY-VIPS': REFUSES,
  'filter CWY-VIPS: -d VIP -j CWY-REJECT':
    'A living VIP: this port has no service, or the service no endpoint. Refused at once.',
  'filter CWY-VIPS: -d SERVICE-RANGE -j DROP':
    'Nobody’s VIP: dropped, so that it neither leaves by the default route nor goes round in circles.',
  'filter CWY-REJECT: -p tcp -j REJECT --reject-with tcp-reset': 'TCP by a reset: “connection refused”.',
  'filter CWY-REJECT: -j REJECT --reject-with icmp-port-unreachable':
    'All else by ICMP, which a socket of UDP hears as the same.',
  'nat POSTROUTING: -j CWY-POSTROUTING':
    'In front, so that a masquerade of somebody else does not hide containers from each other.',
  'nat CWY-POSTROUTING: -m mark --mark 0x2000/0x2000 -j CWY-MASQUERADE':
    'Marked on the way in: a client that is no container, or an endpoint that met itself.',
  'nat CWY-POSTROUTING: -s SUBNET -d NETWORK -j RETURN':
    'From a container of this host to any container: it keeps its address. That is the flat network.',
  'nat CWY-POSTROUTING: -s NETWORK -d SUBNET -j RETURN':
    'From any container to one of this host: the same, for what arrives.',
  'nat CWY-POSTROUTING: ! -s NETWORK -d SUBNET -j RETURN':
    'From outside to a container of this host: the answer passes here anyhow, so the client’s address may stay.',
  'nat CWY-POSTROUTING: -s NETWORK ! -d MULTICAST -j MASQUERADE --random-fully':
    'A container to the outside: nobody there knows a way back to it, so it leaves with the host’s address. Not so to groups.',
  'nat CWY-POSTROUTING: ! -s NETWORK -d NETWORK -j MASQUERADE --random-fully':
    'From outside, or from this host, to a container of *another* host: the answer must come back through this one.',
  'nat CWY-POSTROUTING: -s LINK-LOCAL -j RETURN':
    'A link-local address is good on its own link only, where it must stay what it is.',
  'nat CWY-POSTROUTING: -d LINK-LOCAL -j RETURN': 'The same for what goes to one.',
  'nat CWY-MASQUERADE: -j MARK --set-xmark 0x0/0x2000':
    'The mark has done its work, and is cleared: a packet that is put into a tunnel would carry it along.',
  'nat CWY-MASQUERADE: -j MASQUERADE --random-fully':
    'This host’s address becomes the source, and the port is drawn: two connections at one moment must not get the same.',
};
