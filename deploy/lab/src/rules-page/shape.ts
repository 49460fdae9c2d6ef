/** What an example's rules name, which another cluster has otherwise. */
export interface Example {
  readonly network: string;
  readonly subnet: string;
  readonly serviceRange: string;
  readonly vip: string;
  readonly endpoints: readonly string[];
  /** The one with a published port and a policy. */
  readonly container: string;
}

/**
 * A rule without what is this example's alone: the same shape in every cluster and in both families. Comments are left
 * out, and so are the hashes in chains' names.
 */
export function shapeOf(
  rule: string,
  { network, subnet, serviceRange, vip, endpoints, container }: Example,
): string {
  const named = [
    [network, 'NETWORK'],
    [subnet, 'SUBNET'],
    [serviceRange, 'SERVICE-RANGE'],
    [vip, 'VIP'],
    ...endpoints.map((endpoint) => [endpoint, 'ENDPOINT']),
    [container, 'CONTAINER'],
    ...SAME_IN_BOTH,
  ] as const;
  const general = named.reduce((text, [value = '', name = '']) => text.replaceAll(value, name), rule);
  return general
    .replace(/ ?(-m comment --)?comment ("[^"]*"|\S+)/g, '')
    .replace(/^-A \S+ /, '')
    .replace(/-[A-Z2-7]{16}\b/g, '-HASH')
    .replace(/\b(policy|CWY-P(?:TO|FR|AS))-[0-9a-f]+/g, '$1-ID')
    .replace(/\bCWY[46]-[0-9a-f]+-/g, 'CWY-ID-')
    .replace(/(VIP|ENDPOINT|CONTAINER)\/(32|128)\b/g, '$1')
    .replace(/\bip6 /g, 'ip ')
    .trim();
}

const SAME_IN_BOTH = [
  ['127.0.0.0/8', 'LOOPBACK'],
  ['::1/128', 'LOOPBACK'],
  ['ip6 daddr != ::1 ', 'ip daddr != LOOPBACK '],
  ['224.0.0.0/4', 'MULTICAST'],
  ['ff00::/8', 'MULTICAST'],
  ['fe80::/10', 'LINK-LOCAL'],
  ['[ENDPOINT]', 'ENDPOINT'],
  ['[CONTAINER]', 'CONTAINER'],
  ['icmp6-port-unreachable', 'icmp-port-unreachable'],
  ['ipv6_addr', 'ipv4_addr'],
] as const;
