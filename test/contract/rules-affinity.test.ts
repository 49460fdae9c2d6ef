import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { openPacketWorld, type PacketWorld, PLACES } from '../support/packet-world.ts';
import { ADDRESSES_CLIENT } from '../support/talk.ts';

const VIP = { ipv4: '10.96.1.1', ipv6: 'fd00:96::1' } as const;

/** The outside client has these besides its own, as if it were many. */
const CLIENTS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: Array.from({ length: 40 }, (_, i) => `192.168.122.${100 + i}`),
  ipv6: Array.from({ length: 40 }, (_, i) => `fd00:122::${100 + i}`),
};

function serviceOf(family: Family): ServiceIntent {
  const { c2, c3, remote } = PLACES[family];
  return serviceIntent({
    ...{ id: 'affine', vip: VIP[family], nodePort: 30001, affinity: true },
    endpoints: [endpoint(c2), endpoint(c3), endpoint(remote)],
  });
}

describe.each(DATAPLANES)('clients that stay with their endpoint, in %s', (name) => {
  let world: PacketWorld;

  const change = async (from: FirewallIntent, to: FirewallIntent) => {
    const { ruleset, apply, list } = dataplaneIn(world, name);
    await apply(to.family, ruleset.change(from, to));
    expect(ruleset.drift(to, await list(to.family))).toEqual([]);
  };
  /** Who answers each client. */
  const ask = async (family: Family, address: string, port: number) => {
    const told: Record<string, string> = JSON.parse(
      await world.talk('client', ADDRESSES_CLIENT, [address, port, ...CLIENTS[family]]),
    );
    return Object.fromEntries(Object.entries(told).map(([client, answer]) => [client, answer.split(' ')[0]]));
  };

  beforeAll(async () => {
    world = await openPacketWorld();
    // The second host has rules, too, and is a way to the VIP.
    await world.sh(`for path in ipv4/ip_forward ipv6/conf/all/forwarding; do
      ip netns exec peer sh -c "echo 1 > /proc/sys/net/$path"
    done
    for link in all eth0; do
      ip netns exec peer sh -c "echo 0 > /proc/sys/net/ipv4/conf/$link/send_redirects"
    done`);
    for (const family of FAMILIES) {
      const length = family === 'ipv4' ? 24 : 64;
      for (const address of CLIENTS[family])
        await world.sh(`ip -n client address add ${address}/${length} dev eth0`);
      const intent = intentOf([serviceOf(family)], family);
      const subnet = family === 'ipv4' ? '10.10.2.0/24' : 'fd00:10:0:2::/64';
      for (const [where, here] of [
        [undefined, intent],
        ['peer', { ...intent, subnet }],
      ] as const) {
        const { ruleset, apply } = dataplaneIn(world, name, where);
        await apply(family, ruleset.full(here));
      }
    }
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c3, host } = PLACES[family];
    const intent = intentOf([serviceOf(family)], family);

    it('are spread over all endpoints, and meet the same one again', async () => {
      const first = await ask(family, VIP[family], 80);
      expect(Object.keys(first).sort()).toEqual([...CLIENTS[family]].sort());
      expect(new Set(Object.values(first))).toEqual(new Set(['c2', 'c3', 'peer']));
      expect(await ask(family, VIP[family], 80)).toEqual(first);
    });

    it('meet the same one through the NodePort, and through another host', async () => {
      const first = await ask(family, VIP[family], 80);
      expect(await ask(family, host, 30001)).toEqual(first);
      const { peer } = PLACES[family];
      await world.sh(`ip -n client route add ${VIP[family]} via ${peer}`);
      expect(await ask(family, VIP[family], 80)).toEqual(first);
      await world.sh(`ip -n client route delete ${VIP[family]}`);
    });

    it('move at once when their endpoint goes, and only those', async () => {
      const before = await ask(family, VIP[family], 80);
      const [service] = intent.services;
      const endpoints = (service?.endpoints ?? []).filter(({ address }) => address !== c3);
      const without = intentOf([{ ...serviceOf(family), endpoints }], family);
      await change(intent, without);
      const after = await ask(family, VIP[family], 80);
      for (const [client, name] of Object.entries(before))
        if (name === 'c3') expect(['c2', 'peer']).toContain(after[client]);
        else expect([client, after[client]]).toEqual([client, name]);
      await change(without, intent);
      expect(await ask(family, VIP[family], 80)).toEqual(before);
    });
  });
});
