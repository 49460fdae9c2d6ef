import type { Station, Words } from '../explain.ts';

/** What published ports and policies of containers bring. */
export const CONTAINER_STATIONS: readonly Station[] = [
  {
    chain: 'nat CWY-PUBLISHED',
    says: 'There while a container of this host publishes a port. First a rule for each port that is published on one address; here there is none.',
  },
  {
    chain: 'nat CWY-PUBLISHED-ANYWHERE',
    says: 'A rule for each port that is published on all addresses of the host.',
  },
  {
    chain: 'nat CWY-PUB-HASH',
    says: 'A chain for each port of a container that one or more ports of the host lead to. It translates.',
  },
  {
    chain: 'mangle PREROUTING',
    says: 'Before nat: a destination is what the packet’s sender asked for, perhaps a VIP.',
  },
  {
    chain: 'mangle CWY-ASKED',
    says: 'A rule for each container whose policies deny some destinations. There while there is one.',
  },
  { chain: 'mangle CWY-PAS-ID', says: 'What these may not ask for, wherever it would have led.' },
  {
    chain: 'filter CWY-EGRESS',
    says: 'Connections from containers with policies: a rule for each of these containers of this host.',
  },
  { chain: 'filter CWY-INGRESS', says: 'Connections to them.' },
  {
    chain: 'filter CWY-BEGIN',
    says: 'For containers whose policies say nothing of a direction. Here nothing leads to it.',
  },
  {
    chain: 'filter CWY-PTO-ID',
    says: 'Connections to containers of one and the same policies; the name has a hash of theirs. First what is denied, then what is allowed, then what is allowed up to a rate, then the default. `RETURN` leads back to `CWY-INGRESS`.',
  },
  {
    chain: 'filter CWY-PTO-ID-0',
    says: 'The first rule with a rate. One bucket for all clients together, on this host, in this family.',
  },
  {
    chain: 'filter CWY-PFR-ID',
    says: 'Connections from these containers. No default: they may connect to everybody else.',
  },
];

const BY_PORT = 'The same by protocol and port.';
const DROPPED =
  'Dropped without a word: whoever may not come learns nothing, not even that somebody is there.';
const BEGINS =
  'A packet of TCP that begins nothing, and that conntrack does not know: of a connection that it was made to forget, since a policy refuses it. Taken for a new one, it would go on.';
const NEIGHBOURS = 'Neighbours must find each other, whatever the policies say: this is what ARP is in IPv4.';

export const IPTABLES_MAPS: Words = {
  'CWY-ID-TD hash:net':
    'A set of ipset, which rules look into by hash. Its name has a hash of the policies, `T` for connections to containers (`F`: from them), and `D` for what is denied (`A`: allowed; a number: the rule with a rate).',
  'CWY-ID-TDP hash:net,port':
    'The same with protocol and port. A range of more than 16 ports has a set and a rule of its own.',
  'CWY-ID-TA hash:net': 'Who may come, whatever the port.',
  'CWY-ID-TAP hash:net,port':
    'The addresses of web-1 and web-2, whom the policy names. When one of them moves, one element changes.',
  'CWY-ID-T0 hash:net': 'Who may come up to a rate.',
  'CWY-ID-T0P hash:net,port': BY_PORT,
  'CWY-ID-FD hash:net': 'To whom they may not connect: the VIP of the example.',
  'CWY-ID-FDP hash:net,port': BY_PORT,
};

const ASKED = 'What stands goes on, and the answers: only new connections are asked about.';

export const CONTAINER_RULES: Words = {
  'nat PREROUTING: -j CWY-PUBLISHED': 'Containers and outside clients come in here.',
  'nat OUTPUT: -j CWY-PUBLISHED': 'Programs of the host come in here.',
  'nat CWY-PUBLISHED: ! -d LOOPBACK -m addrtype --dst-type LOCAL -j CWY-PUBLISHED-ANYWHERE':
    'Any address of this host, loopback excepted, as with NodePorts.',
  'nat CWY-PUBLISHED-ANYWHERE: -p tcp -m tcp --dport 8080 -j CWY-PUB-HASH': 'Port 8080 of the host.',
  'nat CWY-PUB-HASH: -s CONTAINER -j CWY-MARK':
    'Hairpin: the container itself asks. Masqueraded, it sees the bridge’s address instead of its own.',
  'nat CWY-PUB-HASH: -m addrtype --src-type LOCAL -j CWY-MARK':
    'A program of this host asks: masqueraded, as on its way to a service. Whoever comes from outside keeps his address, since the container answers through this host anyhow.',
  'nat CWY-PUB-HASH: -p tcp -j DNAT --to-destination CONTAINER:12345': 'The translation.',
  'mangle PREROUTING: -m conntrack ! --ctstate RELATED,ESTABLISHED -j CWY-ASKED': ASKED,
  'mangle CWY-ASKED: -s CONTAINER -j CWY-PAS-ID': 'The container, and the chain of its policies.',
  'mangle CWY-PAS-ID: -m set --match-set CWY-ID-FD dst -j DROP':
    'The VIP, before it becomes the address of an endpoint. In `filter` it would not be found any more.',
  'mangle CWY-PAS-ID: -m set --match-set CWY-ID-FDP dst,dst -j DROP': BY_PORT,
  'filter CWY-FORWARD: -m conntrack ! --ctstate RELATED,ESTABLISHED -j CWY-EGRESS': `The policies of whoever begins the connection, before the accepts. ${ASKED}`,
  'filter CWY-FORWARD: -m conntrack ! --ctstate RELATED,ESTABLISHED -j CWY-INGRESS':
    'The policies of whoever it is for. Between two containers of this host both are asked.',
  'filter INPUT: -m conntrack ! --ctstate RELATED,ESTABLISHED -j CWY-EGRESS':
    'What containers say to the host itself is asked about too. What the host says to them is not: it always reaches its containers.',
  'filter CWY-EGRESS: -s LINK-LOCAL -i cwy0 -j DROP':
    'A container that speaks with the address that every link has: no policy knows anybody by it.',
  'filter CWY-EGRESS: -d LINK-LOCAL -i cwy0 -j DROP': 'The same for what goes to one.',
  'filter CWY-EGRESS: -s CONTAINER -j CWY-PFR-ID': 'The container, and the chain of its policies.',
  'filter CWY-INGRESS: -d CONTAINER -j CWY-PTO-ID': 'The container, and the chain of its policies.',
  ...Object.fromEntries(
    ['EGRESS', 'INGRESS'].flatMap((chain) =>
      [133, 134, 135, 136].map((type) => [
        `filter CWY-${chain}: -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j RETURN`,
        NEIGHBOURS,
      ]),
    ),
  ),
  'filter CWY-BEGIN: -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP': BEGINS,
  'filter CWY-PTO-ID: -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP': BEGINS,
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-TD src -j DROP': DROPPED,
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-TDP src,dst -j DROP': BY_PORT,
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-TA src -j RETURN': 'Allowed.',
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-TAP src,dst -j RETURN': BY_PORT,
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-T0 src -g CWY-PTO-ID-0':
    '`-g` and not `-j`: whoever is within the rate is done with this policy.',
  'filter CWY-PTO-ID: -m set --match-set CWY-ID-T0P src,dst -g CWY-PTO-ID-0': BY_PORT,
  'filter CWY-PTO-ID: -j DROP': 'The default. Without it, everybody else might come.',
  'filter CWY-PTO-ID-0: -m limit --limit 25/min --limit-burst 100 -j RETURN':
    'A bucket of 100, into which 25 come a minute.',
  'filter CWY-PTO-ID-0: -j DROP': 'Above the rate.',
  'filter CWY-PFR-ID: -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP': BEGINS,
  'filter CWY-PFR-ID: -m set --match-set CWY-ID-FD dst -j DROP': DROPPED,
  'filter CWY-PFR-ID: -m set --match-set CWY-ID-FDP dst,dst -j DROP': BY_PORT,
};
