import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent, PublishedIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { publishedIntent } from '../support/any-published.ts';
import { DATAPLANES, type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { openPacketWorld, type PacketWorld, PLACES, SERVER_PORT } from '../support/packet-world.ts';

/**
 * 8080 leads to c3 everywhere, by both protocols; 8081 to c2, but on the hosts' network to c3; 8082 there alone. And one on an
 * address that has gone to another host.
 */
function publishedIn(family: Family): readonly PublishedIntent[] {
  const { c2, c3, host, peer } = PLACES[family];
  const to = (address: string) => ({ address, port: SERVER_PORT });
  return [
    publishedIntent({ hostPort: 8080, ...to(c3) }),
    publishedIntent({ hostPort: 8081, ...to(c2) }),
    publishedIntent({ hostPort: 8081, hostAddress: host, ...to(c3) }),
    publishedIntent({ hostPort: 8082, hostAddress: host, ...to(c2) }),
    publishedIntent({ hostPort: SERVER_PORT, hostAddress: peer, ...to(c3) }),
    publishedIntent({ hostPort: 8080, protocol: 'udp', ...to(c3) }),
    publishedIntent({ hostPort: 8082, protocol: 'udp', hostAddress: host, ...to(c2) }),
  ];
}

function intentFor(family: Family, published = publishedIn(family)): FirewallIntent {
  const vip = family === 'ipv4' ? '10.96.0.2' : 'fd00:96::2';
  const service = serviceIntent({
    ...{ id: 'web', vip, nodePort: 30001 },
    endpoints: [endpoint(PLACES[family].c2, SERVER_PORT)],
  });
  return { ...intentOf([service], family), published };
}

describe.each(DATAPLANES)('published ports through %s', (name) => {
  let world: PacketWorld;
  let dataplane: Dataplane;
  let held: Record<Family, FirewallIntent>;

  const change = async (intent: FirewallIntent) => {
    const { family } = intent;
    await dataplane.apply(family, dataplane.ruleset.change(held[family], intent));
    expect(dataplane.ruleset.drift(intent, await dataplane.list(family))).toEqual([]);
    held[family] = intent;
  };

  beforeAll(async () => {
    world = await openPacketWorld();
    dataplane = dataplaneIn(world, name);
    held = { ipv4: intentFor('ipv4', []), ipv6: intentFor('ipv6', []) };
    for (const family of FAMILIES) {
      await dataplane.apply(family, dataplane.ruleset.full(held[family]));
      await change(intentFor(family));
    }
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c2, c3, bridge, host, peer, client, loopback } = PLACES[family];

    it.each(['tcp', 'udp'])(
      'lead from outside to the container, which sees the client’s address: %s',
      async (protocol) => {
        expect(await world.answers('client', `${protocol} ${host} 8080`)).toEqual([`c3 sees ${client}`]);
        expect(await world.answers('client', `${protocol} ${host} 8082`)).toEqual([`c2 sees ${client}`]);
      },
    );

    it('let pass what is for an address that another host has', async () => {
      for (const from of ['c2', 'host'])
        expect(await world.answers(from, `tcp ${peer} ${SERVER_PORT}`)).toEqual([`peer sees ${host}`]);
    });

    it.each(['tcp', 'udp'])(
      'serve the host itself, on its own addresses and not on loopback: %s',
      async (protocol) => {
        for (const address of [host, bridge])
          expect(await world.answers('host', `${protocol} ${address} 8080`)).toEqual([`c3 sees ${bridge}`]);
        expect(await world.answers('host', `${protocol} ${loopback} 8080`)).toEqual(['ECONNREFUSED']);
      },
    );

    it.each(['tcp', 'udp'])(
      'serve containers: others, which keep their address, and their own: %s',
      async (protocol) => {
        for (const address of [host, bridge]) {
          expect(await world.answers('c2', `${protocol} ${address} 8080`)).toEqual([`c3 sees ${c2}`]);
          expect(await world.answers('c3', `${protocol} ${address} 8080`)).toEqual([`c3 sees ${bridge}`]);
        }
        expect(await world.answers('c2', `${protocol} ${host} 8082`)).toEqual([`c2 sees ${bridge}`]);
      },
    );

    it('go by the host’s address, those of one address before those of all', async () => {
      expect(await world.answers('client', `tcp ${host} 8081`)).toEqual([`c3 sees ${client}`]);
      expect(await world.answers('c3', `tcp ${bridge} 8081`)).toEqual([`c2 sees ${c3}`]);
      expect(await world.answers('c3', `tcp ${bridge} 8082`)).toEqual(['ECONNREFUSED']);
    });

    it('leave the host’s other ports, and services, what they are', async () => {
      expect(await world.answers('client', `tcp ${host} 8083`)).toEqual(['ECONNREFUSED']);
      expect(await world.answers('client', `udp ${host} 8081`)).toEqual(['ECONNREFUSED']);
      expect(await world.answers('client', `tcp ${host} 30001`)).toEqual([`c2 sees ${bridge}`]);
    });

    it('come and go one by one, and what stands goes on', async () => {
      const connection = await world.hold('client', host, 8080);
      const rest = publishedIn(family).filter(({ hostPort }) => hostPort !== 8080);
      const steps = [rest, [], publishedIn(family).slice(1), publishedIn(family)];
      for (const published of steps) {
        await change(intentFor(family, published));
        const isServed = published.some(({ hostPort, protocol }) => hostPort === 8080 && protocol === 'tcp');
        expect(await world.answers('client', `tcp ${host} 8080`)).toEqual([
          isServed ? `c3 sees ${client}` : 'ECONNREFUSED',
        ]);
        expect(await connection.again()).toBe(`c3 sees ${client}`);
      }
    });
  });
});
