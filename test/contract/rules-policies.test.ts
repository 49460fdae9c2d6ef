import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES, type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { openPacketWorld, type PacketWorld, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { isSoon } from '../support/soon.ts';
import { SERVER } from '../support/talk.ts';

/** VIPs by what their service is like. */
const VIPS = {
  ipv4: {
    ...{ weighted: '10.96.1.1', here: '10.96.1.2', elsewhere: '10.96.1.3', nobody: '10.96.1.4' },
    ...{ restricted: '10.96.1.5', restrictedIdle: '10.96.1.6' },
  },
  ipv6: {
    ...{ weighted: 'fd00:96::1', here: 'fd00:96::2', elsewhere: 'fd00:96::3', nobody: 'fd00:96::4' },
    ...{ restricted: 'fd00:96::5', restrictedIdle: 'fd00:96::6' },
  },
} as const satisfies Record<Family, unknown>;

const LOCAL = { internalPolicy: 'local', externalPolicy: 'local' } as const;

function servicesOf(family: Family): readonly ServiceIntent[] {
  const { c2, c3, remote, client } = PLACES[family];
  const vips = VIPS[family];
  const length = family === 'ipv4' ? 32 : 128;
  const here = { vip: vips.here, nodePort: 30102, endpoints: [endpoint(c3), endpoint(remote)] };
  const sourceRanges = [`${c2}/${length}`, `${client}/${length}`];
  return [
    serviceIntent({
      ...{ id: 'weighted', vip: vips.weighted, nodePort: 30101 },
      endpoints: [endpoint(c3, SERVER_PORT, 30), endpoint(remote, SERVER_PORT, 10)],
    }),
    serviceIntent({ id: 'here', ...here, ...LOCAL, localEndpoints: [endpoint(c3)] }),
    serviceIntent({ id: 'here-udp', ...here, ...LOCAL, protocol: 'udp', localEndpoints: [endpoint(c3)] }),
    serviceIntent({
      ...{ id: 'elsewhere', vip: vips.elsewhere, nodePort: 30103 },
      ...{ ...LOCAL, endpoints: [endpoint(remote)] },
    }),
    serviceIntent({ id: 'nobody', vip: vips.nobody, nodePort: 30104, ...LOCAL }),
    serviceIntent({
      ...{ id: 'restricted', vip: vips.restricted, nodePort: 30105 },
      ...{ endpoints: [endpoint(c3)], sourceRanges },
    }),
    serviceIntent({ id: 'open', vip: vips.restricted, port: 81, endpoints: [endpoint(c3)] }),
    serviceIntent({ id: 'restricted-idle', vip: vips.restrictedIdle, nodePort: 30106, sourceRanges }),
  ];
}

describe.each(DATAPLANES)('packets under the policies of %s', (name) => {
  let world: PacketWorld;
  let dataplane: Dataplane;
  let held: Record<Family, FirewallIntent>;

  type Asked = readonly (readonly [from: string, target: string])[];
  /** Nobody answers any of them. */
  const expectSilence = async (...asked: Asked) => {
    const told = async ([from, target]: Asked[number]) =>
      `${from}, ${target}: ${await world.silence(from, target)}`;
    const expected = asked.map(([from, target]) => `${from}, ${target}: silence`);
    expect(await Promise.all(asked.map(told))).toEqual(expected);
  };
  /** Turns what is held into this. */
  const change = async (intent: FirewallIntent) => {
    const { family } = intent;
    await dataplane.apply(family, dataplane.ruleset.change(held[family], intent));
    expect(dataplane.ruleset.drift(intent, await dataplane.list(family))).toEqual([]);
    held[family] = intent;
  };
  /** Asks while one service is another. */
  const askWith = async (family: Family, service: ServiceIntent, ask: () => Promise<void>) => {
    const usual = held[family];
    const others = usual.services.filter(({ id }) => id !== service.id);
    await change(intentOf([...others, service], family));
    await ask();
    await change(usual);
  };

  beforeAll(async () => {
    world = await openPacketWorld();
    dataplane = dataplaneIn(world, name);
    // A program of the host's own, on the NodePort of a service without endpoints.
    expect(await world.listen('host', SERVER, ['host', 30104])).toBe('ready');
    held = { ipv4: intentOf([], 'ipv4'), ipv6: intentOf([], 'ipv6') };
    for (const family of FAMILIES) {
      await dataplane.apply(family, dataplane.ruleset.full(held[family]));
      await change(intentOf(servicesOf(family), family));
    }
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c2, bridge, host, client, hosts } = PLACES[family];
    const vips = VIPS[family];
    const [fromBridge, fromHost] = [`c3 sees ${bridge}`, `peer sees ${host}`];
    const find = (id: string): ServiceIntent => {
      const found = servicesOf(family).find((one) => one.id === id);
      if (found === undefined) throw new Error(`no service ${id}`);
      return found;
    };

    it.each([
      ['VIP', vips.weighted, 80],
      ['NodePort', host, 30101],
    ])('draws endpoints by their weights, through the %s', async (_, address, port) => {
      const { answers } = await world.ask('c2', `tcp ${address} ${port}`, 400);
      expect(Object.keys(answers).sort()).toEqual([`c3 sees ${c2}`, `peer sees ${c2}`]);
      // Binomial with a mean of 300 and a deviation of 8.7: six of them off happens in one run of 500 million.
      expect(Math.abs((answers[`c3 sees ${c2}`] ?? 0) - 300)).toBeLessThan(52);
    });

    it('reaches this host’s endpoints alone through a VIP of internal policy local', async () => {
      expect(await world.answers('c2', `tcp ${vips.here} 80`, 20)).toEqual([`c3 sees ${c2}`]);
      expect(await world.answers('host', `tcp ${vips.here} 80`, 20)).toEqual([fromBridge]);
      expect(await world.answers('client', `tcp ${vips.here} 80`, 20)).toEqual([fromBridge]);
      expect(await world.answers('c2', `udp ${vips.here} 80`, 20)).toEqual([`c3 sees ${c2}`]);
    });

    it('shows a client from outside as it is to the endpoints of a NodePort of external policy local', async () => {
      for (const protocol of ['tcp', 'udp'])
        expect(await world.answers('client', `${protocol} ${host} 30102`, 20)).toEqual([`c3 sees ${client}`]);
    });

    it('serves such a NodePort to containers and the host from all endpoints', async () => {
      const both = [`c3 sees ${c2}`, `peer sees ${c2}`];
      expect(await world.answers('c2', `tcp ${host} 30102`, 40)).toEqual(both);
      expect(await world.answers('host', `tcp ${host} 30102`, 40)).toEqual([fromBridge, fromHost]);
    });

    it('drops what a policy local rules, where another host may serve it', async () => {
      await expectSilence(
        ...['c2', 'host', 'client'].map((from) => [from, `tcp ${vips.elsewhere} 80`] as const),
        ['client', `tcp ${host} 30103`],
      );
      expect(await world.answers('c2', `tcp ${host} 30103`)).toEqual([`peer sees ${c2}`]);
      expect(await world.answers('host', `tcp ${host} 30103`)).toEqual([fromHost]);
    });

    it('refuses at once what nobody serves anywhere, whatever the policy', async () => {
      for (const from of ['c2', 'host', 'client'])
        for (const target of [`tcp ${vips.nobody} 80`, `tcp ${host} 30104`]) {
          await isSoon(500, async () => {
            const { answers, slowestMs } = await world.ask(from, target, 1);
            expect({ from, target, answers }).toEqual({ from, target, answers: { ECONNREFUSED: 1 } });
            return slowestMs;
          });
        }
    });

    it('serves at once when an endpoint comes to this host, and goes on serving whom it serves when it leaves', async () => {
      const { localEndpoints } = find('here');
      let open: Awaited<ReturnType<PacketWorld['hold']>> | undefined;
      const arrived = { ...find('elsewhere'), endpoints: find('here').endpoints, localEndpoints };
      await askWith(family, arrived, async () => {
        open = await world.hold('client', host, 30103);
        expect(open.first).toBe(`c3 sees ${client}`);
      });
      await expectSilence(['client', `tcp ${host} 30103`]);
      expect(await open?.again()).toBe(`c3 sees ${client}`);
    });

    it('lets the only endpoint here reach itself, though it drains and others elsewhere do not', async () => {
      const self = { ...find('elsewhere'), localEndpoints: [endpoint(c2)] };
      await askWith(family, self, async () => {
        expect(await world.answers('c2', `tcp ${vips.elsewhere} 80`)).toEqual([`c2 sees ${bridge}`]);
      });
    });

    it('drops who is in none of the source ranges, be it a container, the host or a client', async () => {
      const { restricted } = vips;
      expect(await world.answers('c2', `tcp ${restricted} 80`)).toEqual([`c3 sees ${c2}`]);
      expect(await world.answers('client', `tcp ${restricted} 80`)).toEqual([fromBridge]);
      const [vip, nodePort] = [`tcp ${restricted} 80`, `tcp ${host} 30105`];
      await expectSilence(
        ...['c3', 'host'].flatMap((from) => [[from, vip] as const, [from, nodePort] as const]),
        ['peer', nodePort],
      );
      expect(await world.answers('c2', `tcp ${host} 30105`)).toEqual([`c3 sees ${c2}`]);
      expect(await world.answers('client', `tcp ${host} 30105`)).toEqual([fromBridge]);
    });

    it('leaves other ports of a restricted VIP as they are', async () => {
      expect(await world.answers('host', `tcp ${vips.restricted} 81`)).toEqual([fromBridge]);
      expect(await world.answers('host', `tcp ${vips.restricted} 82`, 1)).toEqual(['ECONNREFUSED']);
    });

    it('tells of having no endpoint only whom it would serve', async () => {
      const targets = [`tcp ${vips.restrictedIdle} 80`, `tcp ${host} 30106`];
      for (const target of targets) expect(await world.answers('c2', target, 1)).toEqual(['ECONNREFUSED']);
      await expectSilence(...targets.map((target) => ['host', target] as const));
    });

    it('goes on serving whom it serves when its source ranges change, and keeps him out next time', async () => {
      const open = await world.hold('client', vips.restricted, 80);
      await askWith(family, { ...find('restricted'), sourceRanges: [] }, async () => {
        expect(await open.again()).toBe(open.first);
        await expectSilence(['client', `tcp ${vips.restricted} 80`]);
      });
    });

    it('serves NodePorts inside their CIDRs alone, and refuses nothing elsewhere', async () => {
      const all = held[family];
      expect(await world.answers('c2', `tcp ${bridge} 30102`, 40)).toEqual([
        `c3 sees ${c2}`,
        `peer sees ${c2}`,
      ]);
      await change({ ...all, nodePortCidrs: [hosts] });
      expect(await world.answers('client', `tcp ${host} 30102`)).toEqual([`c3 sees ${client}`]);
      expect(await world.answers('c2', `tcp ${bridge} 30102`, 1)).toEqual(['ECONNREFUSED']);
      expect(await world.answers('c2', `tcp ${host} 30104`, 1)).toEqual(['ECONNREFUSED']);
      expect(await world.answers('c2', `tcp ${bridge} 30104`)).toEqual([`host sees ${c2}`]);
      await change(all);
      expect(await world.answers('c2', `tcp ${bridge} 30104`, 1)).toEqual(['ECONNREFUSED']);
    });
  });
});
