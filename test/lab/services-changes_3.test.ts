import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { FAMILIES } from '@causeway/shared/net/family';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Held, SERVER_PORT, SILENCE_MS, useServiceLab, vipsOf } from '../support/service-lab.ts';

/** What becomes of clients when endpoints come and go. Numbers are those of the list of cases. */
const up = useServiceLab();

/** Outside of the service range: before they are VIPs, hosts send on what comes for them, and remember where to. */
const VIPS = { ipv4: '2.2.2.9', ipv6: '2001:db8:2::9' };
const CALM = vipsOf(2);
const ADDRESSES = Object.values(VIPS);
const TCP = { port: 80, targetPort: SERVER_PORT, nodePort: 30001 };
const UDP = { ...TCP, protocol: 'udp' } as const;
const SCTP = { ...TCP, protocol: 'sctp' } as const;

describe.each(DATAPLANES)('with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up.world;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
  });

  describe.each(FAMILIES)('%s', (family) => {
    const vip = VIPS[family];
    const at = (name: string) => up.world.addressOf(name, family);
    /** One of each kind of client, and where it goes. */
    const ways = (protocol: string): readonly (readonly [from: string, target: string])[] => [
      ['web-1', `${protocol} ${vip} 80`],
      ['host-1', `${protocol} ${vip} 80`],
      ['client', `${protocol} ${vip} 80`],
      ['web-1', `${protocol} ${at('host-1')} 30001`],
      ['host-1', `${protocol} ${at('host-1')} 30001`],
      ['client', `${protocol} ${at('host-1')} 30001`],
    ];
    let held: readonly Held[] = [];
    const hold = (all: readonly (readonly [from: string, target: string])[]) => {
      held = all.map(([from, target]) => up.world.hold(from, target));
    };
    /** Who answers each of those that are held, or what goes wrong. */
    const hear = async (patienceMs?: number) =>
      (await Promise.all(held.map((one) => one.ask(patienceMs)))).map((said) => said.split(' ')[0]);
    const allHear = async (who: string) => expect(await hear()).toEqual(held.map(() => who));
    const noEndpointHears = async () =>
      expect((await hear(SILENCE_MS)).filter((said) => said?.startsWith('web-'))).toEqual([]);
    /** Who answers new connections and packets: of a container and a host at the VIP, of a client at a NodePort. */
    const names = async (...protocols: readonly string[]) => {
      const some = protocols.flatMap((protocol) => ways(protocol).filter((_, i) => [0, 1, 5].includes(i)));
      const found = some.map(([from, target]) => up.world.names(from, target, 8));
      return [...new Set((await Promise.all(found)).flat())].sort();
    };
    afterEach(async () => {
      for (const one of held) one.close();
      held = [];
      await up.world.lab.api.ask('DELETE', '/v1/services/case');
    });

    it('12. without endpoints all is refused at once, and served as soon as one appears', async () => {
      const { world } = up;
      const definition = { vip: ADDRESSES, ports: [TCP, UDP, SCTP] };
      await world.put('case', definition);
      for (const protocol of ['tcp', 'udp'])
        for (const [from, target] of ways(protocol)) {
          const answers = await world.answers(from, target, 1);
          expect([from, target, ...answers]).toEqual([from, target, 'ECONNREFUSED']);
        }
      expect(await world.askSctp('web-1b', vip, 80)).toBe('ECONNREFUSED');
      expect(await world.askSctp('client', at('host-1'), 30001)).toBe('ECONNREFUSED');
      await world.put('case', { ...definition, endpoints: ['web-1'] });
      expect(await names('tcp', 'udp')).toEqual(['web-1']);
      expect(await world.askSctp('web-1b', vip, 80)).toMatch(/^web-1 sees /);
      expect(await world.askSctp('client', at('host-1'), 30001)).toMatch(/^web-1 sees /);
    });

    it('13. endpoints that drain are used where none is ready, and nowhere else', async () => {
      const { world } = up;
      const definition = { vip: ADDRESSES, ports: [TCP, UDP] };
      const draining = [{ to: 'web-2', drain: true }];
      await world.put('case', { ...definition, endpoints: [...draining, 'web-3'] });
      expect(await names('tcp', 'udp')).toEqual(['web-3']);
      await world.write('DELETE', 'case/endpoints/web-3');
      expect(await names('tcp', 'udp')).toEqual(['web-2']);
      await world.write('POST', 'case/endpoints', { to: 'web-3', drain: true });
      expect(await names('tcp', 'udp')).toEqual(['web-2', 'web-3']);
      await world.write('PATCH', 'case/endpoints/web-3', { drain: false });
      expect(await names('tcp', 'udp')).toEqual(['web-3']);
    });

    it('18. a UDP socket that stays the same follows the service’s endpoints, and others are left alone', async () => {
      const { world } = up;
      const definition = { vip: ADDRESSES, ports: [UDP] };
      const calm = { vip: Object.values(CALM), ports: [{ ...UDP, nodePort: 30002 }] };
      await world.put('calm', { ...calm, endpoints: ['web-2', 'web-3'] });
      const undisturbed = ['web-1', 'web-1', 'client', 'host-1', 'host-1'].map((from) =>
        world.hold(from, `udp ${CALM[family]} 80`),
      );
      const heard = () => Promise.all(undisturbed.map((one) => one.ask()));
      const before = await heard();
      expect(before.filter((said) => !/^web-[23] sees /.test(said))).toEqual([]);
      hold(ways('udp'));
      await noEndpointHears();
      await world.put('case', definition);
      await allHear('ECONNREFUSED');
      await world.put('case', { ...definition, endpoints: ['web-2'] });
      await allHear('web-2');
      await world.put('case', { ...definition, endpoints: ['web-3'] });
      await allHear('web-3');
      await world.put('case', definition);
      await allHear('ECONNREFUSED');
      await world.put('case', { ...definition, endpoints: ['web-2'] });
      await allHear('web-2');
      await world.write('DELETE', 'case');
      await noEndpointHears();
      // The endpoint appears together with its service.
      await world.put('case', { ...definition, endpoints: ['web-3'] });
      await allHear('web-3');
      expect(await heard()).toEqual(before);
      for (const one of undisturbed) one.close();
      await world.write('DELETE', 'calm');
    });

    it('19. connections outlive the drain, other endpoints, their own endpoint and their service', async () => {
      const { world } = up;
      await world.put('case', { vip: ADDRESSES, ports: [TCP], endpoints: ['web-2'] });
      hold(ways('tcp'));
      await allHear('web-2');
      await world.write('POST', 'case/endpoints', { to: 'web-3' });
      await world.write('PATCH', 'case/endpoints/web-2', { drain: true });
      expect(await names('tcp')).toEqual(['web-3']);
      await allHear('web-2');
      await world.write('PATCH', 'case/endpoints/web-2', { drain: false });
      await world.write('DELETE', 'case/endpoints/web-3');
      expect(await names('tcp')).toEqual(['web-2']);
      await allHear('web-2');
      await world.write('PATCH', 'case/endpoints/web-2', { weight: 0 });
      expect(await names('tcp')).toEqual(['ECONNREFUSED']);
      await allHear('web-2');
      await world.write('DELETE', 'case/endpoints/web-2');
      await allHear('web-2');
      await world.write('DELETE', 'case');
      await allHear('web-2');
    });
  });
});
