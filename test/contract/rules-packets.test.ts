import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES, type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent, testService, WORLD } from '../support/intents.ts';
import { openPacketWorld, type PacketWorld, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { isSoon } from '../support/soon.ts';
import { GROUP_LISTENER, GROUP_SENDER, PORT_CLIENT } from '../support/talk.ts';

/** VIPs: of the test service, of a container's own service, of a service without endpoints, of nobody. */
const VIPS = {
  ipv4: { test: '2.2.2.2', self: '10.96.0.2', idle: '10.96.0.3', nobody: '10.96.9.9' },
  ipv6: { test: '2001:db8::2', self: 'fd00:96::2', idle: 'fd00:96::3', nobody: 'fd00:96::9:9' },
} as const;

function intentFor(family: Family): FirewallIntent {
  const { c2, c3, remote } = PLACES[family];
  const { test, self, idle } = VIPS[family];
  return intentOf(
    [
      { ...testService(family), endpoints: [endpoint(c3), endpoint(remote)] },
      serviceIntent({
        ...{ id: 'udp', vip: test, protocol: 'udp', port: 88 },
        nodePort: 30001,
        endpoints: [endpoint(c3)],
      }),
      serviceIntent({ ...{ id: 'self', vip: self }, nodePort: 30002, endpoints: [endpoint(c2)] }),
      serviceIntent({ ...{ id: 'idle', vip: idle }, nodePort: 30003 }),
      serviceIntent({ ...{ id: 'idle-udp', vip: idle, protocol: 'udp' }, nodePort: 30003 }),
    ],
    family,
  );
}

describe.each(DATAPLANES)('packets through %s', (name) => {
  let world: PacketWorld;
  let dataplane: Dataplane;

  /** Asks while other settings hold. */
  const askWith = async (intent: FirewallIntent, ask: () => Promise<void>) => {
    const { family } = intent;
    const { ruleset, apply, list } = dataplane;
    await apply(family, ruleset.full(intent, await list(family)));
    await ask();
    await apply(family, ruleset.full(intentFor(family), await list(family)));
  };

  beforeAll(async () => {
    world = await openPacketWorld();
    dataplane = dataplaneIn(world, name);
    for (const family of FAMILIES) await dataplane.apply(family, dataplane.ruleset.full(intentFor(family)));
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c2, c3, bridge, remote, host, peer, client, hosts, loopback, group } = PLACES[family];
    const { test, self, idle, nobody } = VIPS[family];

    it('spreads a container’s connections evenly, and keeps its address', async () => {
      const { answers: found } = await world.ask('c2', `tcp ${test} 88`, 400);
      expect(Object.keys(found).sort()).toEqual([`c3 sees ${c2}`, `peer sees ${c2}`]);
      // Binomial with a deviation of 10: six of them off happens in one run of 500 million.
      for (const count of Object.values(found)) expect(Math.abs(count - 200)).toBeLessThan(60);
    });

    it('masquerades a host and an outside client on their way to a VIP', async () => {
      const both = [`c3 sees ${bridge}`, `peer sees ${host}`];
      expect(await world.answers('host', `tcp ${test} 88`, 40)).toEqual(both);
      expect(await world.answers('client', `tcp ${test} 88`, 40)).toEqual(both);
    });

    it('serves a NodePort to the host itself, to an outside client and to containers, not on loopback', async () => {
      const both = [`c3 sees ${bridge}`, `peer sees ${host}`];
      expect(await world.answers('host', `tcp ${host} 30001`, 40)).toEqual(both);
      expect(await world.answers('client', `tcp ${host} 30001`, 40)).toEqual(both);
      const fromContainer = await world.answers('c2', `tcp ${host} 30001`, 40);
      expect(fromContainer).toEqual([`c3 sees ${c2}`, `peer sees ${c2}`]);
      expect(await world.answers('host', `tcp ${loopback} 30001`)).toEqual(['ECONNREFUSED']);
    });

    it('keeps protocols apart: the same VIP, port and NodePort by UDP', async () => {
      expect(await world.answers('c2', `udp ${test} 88`)).toEqual([`c3 sees ${c2}`]);
      expect(await world.answers('host', `udp ${test} 88`)).toEqual([`c3 sees ${bridge}`]);
      expect(await world.answers('client', `udp ${host} 30001`)).toEqual([`c3 sees ${bridge}`]);
    });

    it('lets a container reach itself through VIP and NodePort', async () => {
      expect(await world.answers('c2', `tcp ${self} 80`)).toEqual([`c2 sees ${bridge}`]);
      expect(await world.answers('c2', `tcp ${host} 30002`)).toEqual([`c2 sees ${bridge}`]);
    });

    it.each(['c2', 'host', 'client'])(
      'refuses at once what a live VIP does not serve, to %s',
      async (from) => {
        const targets = [`tcp ${test} 89`, `udp ${test} 89`, `tcp ${idle} 80`, `udp ${idle} 80`];
        for (const target of [...targets, `tcp ${host} 30003`, `udp ${host} 30003`]) {
          await isSoon(500, async () => {
            const { answers: found, slowestMs } = await world.ask(from, target, 1);
            expect({ target, found }).toEqual({ target, found: { ECONNREFUSED: 1 } });
            return slowestMs;
          });
        }
      },
    );

    it('drops what is for an address of the service range that no service has', async () => {
      // A world that has just come up may have no way there for a moment, and say so.
      for (const from of ['c2', 'client'] as const)
        await vi.waitFor(
          async () => expect(await world.silence(from, `tcp ${nobody} 80`)).toEqual(['silence']),
          { timeout: 60_000 },
        );
    });

    it('translates no address between containers, nor of a client that asks a container’s own host', async () => {
      expect(await world.answers('c2', `tcp ${c3} ${SERVER_PORT}`)).toEqual([`c3 sees ${c2}`]);
      expect(await world.answers('c2', `tcp ${remote} ${SERVER_PORT}`)).toEqual([`peer sees ${c2}`]);
      expect(await world.answers('client', `tcp ${c3} ${SERVER_PORT}`)).toEqual([`c3 sees ${client}`]);
    });

    it('masquerades containers towards the outside, and outsiders towards containers of another host', async () => {
      expect(await world.answers('c2', `tcp ${peer} ${SERVER_PORT}`)).toEqual([`peer sees ${host}`]);
      expect(await world.answers('client', `tcp ${remote} ${SERVER_PORT}`)).toEqual([`peer sees ${host}`]);
    });

    it('masquerades with a port of its own choice', async () => {
      const ports = [40_001, 40_002, 40_003];
      const seen = await Promise.all(
        ports.map((port) => world.talk('c2', PORT_CLIENT, [peer, SERVER_PORT, port])),
      );
      expect(seen.map(Number).filter((port) => port > 0)).toHaveLength(3);
      // Each is kept by chance once in 64,000 times.
      expect(seen.map(Number)).not.toEqual(ports);
    });

    it('translates no address of what a container says to a group', async () => {
      const fifo = `/run/group-${family}`;
      await world.sh(`mkfifo ${fifo}`);
      expect(await world.listen('c3', GROUP_LISTENER, [group, 9999, fifo])).toBe('ready');
      await world.talk('c2', GROUP_SENDER, [group, 9999]);
      expect((await world.sh(`timeout 5 cat ${fifo}`)).stdout).toBe(c2);
    });

    it('keeps a container’s address towards spared destinations, and everywhere where masquerading is off', async () => {
      const intent = intentFor(family);
      for (const other of [{ nonMasqueradeCidrs: [hosts] }, { masquerade: false }])
        await askWith({ ...intent, ...other }, async () => {
          expect(await world.answers('c2', `tcp ${peer} ${SERVER_PORT}`)).toEqual([`peer sees ${c2}`]);
          // What a service needs, it has all the same.
          expect(await world.answers('client', `udp ${test} 88`)).toEqual([`c3 sees ${bridge}`]);
          expect(await world.answers('c2', `tcp ${self} 80`)).toEqual([`c2 sees ${bridge}`]);
        });
      const spared = { ...intent, nonMasqueradeCidrs: [WORLD[family].serviceRange] };
      await askWith(spared, async () => {
        expect(await world.answers('c2', `tcp ${peer} ${SERVER_PORT}`)).toEqual([`peer sees ${host}`]);
      });
    });

    it('keeps connections through every change of the rules, down to none and back', async () => {
      const { ruleset, apply, list } = dataplane;
      const connections = [
        await world.hold('c2', test, 88),
        await world.hold('client', test, 88),
        await world.hold('client', host, 30001),
        await world.hold('c2', self, 80),
      ];
      const [all, none] = [intentFor(family), intentOf([], family)];
      const steps: readonly (readonly [FirewallIntent, () => Promise<string>])[] = [
        [none, async () => ruleset.change(all, none)],
        [all, async () => ruleset.change(none, all)],
        [all, async () => ruleset.full(all, await list(family))],
      ];
      for (const [intent, input] of steps) {
        await apply(family, await input());
        expect(ruleset.drift(intent, await list(family))).toEqual([]);
        for (const { first, again } of connections) expect(await again()).toBe(first);
      }
    });
  });
});
