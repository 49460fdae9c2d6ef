/** One place on a packet's way: where the kernel asks, which chains, what they do there. */
interface Stop {
  readonly at: string;
  readonly chains: readonly string[];
  readonly does: readonly string[];
}

/** The way of the first packet of a connection from web-1 to 2.2.2.2:88, where web-2 is drawn. */
const STOPS: Readonly<Record<'nftables' | 'iptables', readonly Stop[]>> = {
  nftables: [
    {
      at: 'prerouting (nat)',
      chains: ['prerouting', 'services', 'pick2'],
      does: [
        'map services: 2.2.2.2 . tcp . 88 → goto pick2',
        'map pick2:    2.2.2.2 . tcp . 88 . 0 → 10.10.14.2 . 12345',
        'dnat: the destination is 10.10.14.2:12345 from here on',
      ],
    },
    {
      at: 'forward (filter)',
      chains: ['forward', 'refuse-vips'],
      does: ['no VIP any more: may pass'],
    },
    {
      at: 'postrouting (nat)',
      chains: ['postrouting'],
      does: ['container to container: the source stays 10.10.63.2'],
    },
  ],
  iptables: [
    {
      at: 'PREROUTING (nat)',
      chains: ['nat CWY-SERVICES', 'nat CWY-SVC-HASH', 'nat CWY-SEP-HASH'],
      does: [
        'rule by rule until one has 2.2.2.2, tcp, 88',
        'a draw: half of the connections to each endpoint',
        'DNAT: the destination is 10.10.14.2:12345 from here on',
      ],
    },
    {
      at: 'FORWARD (filter)',
      chains: ['filter CWY-FORWARD', 'filter CWY-VIPS'],
      does: ['no VIP any more, and from a container: accepted'],
    },
    {
      at: 'POSTROUTING (nat)',
      chains: ['nat CWY-POSTROUTING'],
      does: ['container to container: the source stays 10.10.63.2'],
    },
  ],
};

const COLUMN = 20;

/**
 * The way as a text of several lines.
 *
 * @param chains the names that there are, as shapes
 * @throws Error when the picture shows a chain that is not among them
 */
export function pictureOf(dataplane: 'nftables' | 'iptables', chains: ReadonlySet<string>): string {
  const [translate, ...rest] = STOPS[dataplane].map((stop) => stopLines(stop, chains));
  return [
    'web-1 10.10.63.2   curl 2.2.2.2:88',
    '  │',
    '  ▼ cwy0, the bridge of host-1',
    ...(translate ?? []),
    '  │   the way is looked up for the new destination: 10.10.14.0/24 via host-2',
    ...rest.flat(),
    '  ▼ eth0 of host-1, eth0 of host-2, where nothing is translated any more',
    'web-2 10.10.14.2:12345   sees 10.10.63.2, and answers it;',
    '                         on host-1 conntrack makes 2.2.2.2:88 the answer’s source',
  ].join('\n');
}

function stopLines({ at, chains, does }: Stop, known: ReadonlySet<string>): string[] {
  const missing = chains.find((chain) => !known.has(chain));
  if (missing !== undefined) throw new Error(`the picture shows a chain that is not there: ${missing}`);
  const names = chains.map((chain) => chain.replace(/^\w+ (?=CWY)/, '').replace('HASH', '…'));
  return [
    `  │ ${at.padEnd(COLUMN)} ${names.join(' → ')}`,
    ...does.map((line) => `  │ ${''.padEnd(COLUMN)}   ${line}`),
  ];
}
