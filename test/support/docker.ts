import type { Family } from '../../shared/src/net/family.ts';

/**
 * A Docker network on the bridge `bridge1`, with a container whose port 80 is published as 8080, as Docker 28 has it.
 * Docker was not asked to forward packets before, so it drops what no rule of its accepts.
 */
export const DOCKER: Readonly<Record<Family, { network: string; gateway: string; container: string }>> = {
  ipv4: { network: '192.0.2.0/24', gateway: '192.0.2.1', container: '192.0.2.2' },
  ipv6: { network: '2001:db8:1::/64', gateway: '2001:db8:1::1', container: '2001:db8:1::2' },
};

interface Words {
  readonly host: number;
  readonly loopback: string;
  target(address: string): string;
}

const WORDS: Readonly<Record<Family, Words>> = {
  ipv4: { host: 32, loopback: '127.0.0.0/8', target: (address) => address },
  ipv6: { host: 128, loopback: '::1/128', target: (address) => `[${address}]` },
};

/**
 * Input for `iptables-restore --noflush` (or ip6tables) that makes Docker's rules where there are none. The rules are
 * those that Docker's documentation of its iptables rules lists for a user-defined network with a published port.
 *
 * @param direct addresses of further containers, each reached by way of its `link` only
 */
export function dockerRules(
  family: Family,
  direct: readonly { address: string; link: string }[] = [],
): string {
  const { network, container } = DOCKER[family];
  const { host, loopback, target } = WORDS[family];
  const reached = [{ address: container, link: 'bridge1' }, ...direct];
  return [
    '*nat',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    `-A OUTPUT ! -d ${loopback} -m addrtype --dst-type LOCAL -j DOCKER`,
    `-A POSTROUTING -s ${network} ! -o bridge1 -j MASQUERADE`,
    `-A DOCKER ! -i bridge1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination ${target(container)}:80`,
    'COMMIT',
    '*filter',
    ':FORWARD DROP [0:0]',
    ...['DOCKER', 'DOCKER-BRIDGE', 'DOCKER-CT', 'DOCKER-FORWARD', 'DOCKER-INTERNAL', 'DOCKER-USER'].map(
      (chain) => `:${chain} - [0:0]`,
    ),
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-FORWARD',
    `-A DOCKER -d ${container}/${host} ! -i bridge1 -o bridge1 -p tcp -m tcp --dport 80 -j ACCEPT`,
    '-A DOCKER ! -i bridge1 -o bridge1 -j DROP',
    '-A DOCKER-BRIDGE -o bridge1 -j DOCKER',
    '-A DOCKER-CT -o bridge1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A DOCKER-FORWARD -j DOCKER-CT',
    '-A DOCKER-FORWARD -j DOCKER-INTERNAL',
    '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
    '-A DOCKER-FORWARD -i bridge1 -j ACCEPT',
    'COMMIT',
    '*raw',
    ...reached.map(({ address, link }) => `-A PREROUTING -d ${address}/${host} ! -i ${link} -j DROP`),
    'COMMIT',
    '',
  ].join('\n');
}

/** Docker starts anew: it takes its two jumps away and puts them in front of everything. */
export const DOCKER_STARTS_AGAIN = `*filter
-D FORWARD -j DOCKER-USER
-D FORWARD -j DOCKER-FORWARD
-I FORWARD -j DOCKER-FORWARD
-I FORWARD -j DOCKER-USER
COMMIT
`;
