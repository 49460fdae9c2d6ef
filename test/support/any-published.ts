import fc from 'fast-check';
import type { PublishedIntent } from '../../shared/src/desired/intent.ts';
import type { Protocol } from '../../shared/src/model/service.ts';
import type { Family } from '../../shared/src/net/family.ts';

const HOST = { ipv4: '192.168.122.11', ipv6: 'fd00:122::11' } as const;
const CONTAINERS = { ipv4: ['10.10.1.2', '10.10.1.3'], ipv6: ['fd00:10:0:1::2', 'fd00:10:0:1::3'] } as const;

/** Published ports of a small world, so that two lists share many of them, and one container publishes several. */
export function anyPublished(family: Family): fc.Arbitrary<readonly PublishedIntent[]> {
  const fronts = (['tcp', 'udp'] as const).flatMap((protocol: Protocol) =>
    [8080, 8081].flatMap((hostPort) =>
      [undefined, HOST[family]].map((hostAddress) => ({ protocol, hostPort, hostAddress })),
    ),
  );
  return fc
    .subarray(fronts)
    .chain((chosen) =>
      fc.tuple(
        ...chosen.map((front) =>
          fc
            .record({ address: fc.constantFrom(...CONTAINERS[family]), port: fc.constantFrom(80, 81) })
            .map(({ address, port }) => publishedIntent({ ...front, address, port })),
        ),
      ),
    );
}

export function publishedIntent(asked: {
  readonly hostAddress?: string | undefined;
  readonly protocol?: Protocol;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}): PublishedIntent {
  const { hostAddress, protocol = 'tcp', ...rest } = asked;
  return { ...(hostAddress === undefined ? {} : { hostAddress }), protocol, ...rest };
}
