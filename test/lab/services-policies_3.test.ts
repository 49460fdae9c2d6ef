import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import { beforeAll, describe, expect, it } from 'vitest';
import { output } from '../support/lab.ts';
import { SERVER_PORT, useServiceLab, vipsOf } from '../support/service-lab.ts';

/** Which of the endpoints a client is led to. Numbers are those of the list of cases. */
const up = useServiceLab();

const EXTERNAL = vipsOf(1);
const INTERNAL = vipsOf(2);
const AFFINE = vipsOf(3);
/** The outside client has these besides its own, as if it were many. */
const CLIENTS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: Array.from({ length: 40 }, (_, i) => `192.168.122.${100 + i}`),
  ipv6: Array.from({ length: 40 }, (_, i) => `fd00:122::f:${100 + i}`),
};

beforeAll(async () => {
  const { world } = up;
  const here = { endpoints: [`web-1b:${SERVER_PORT}`, `web-2:${SERVER_PORT}`] };
  const both = (nodePort: number) =>
    (['tcp', 'udp'] as const).map((protocol) => ({ protocol, port: 80, nodePort }));
  const local = { ...here, ports: both(30001), externalPolicy: 'local' } as const;
  await world.put('external', { vip: Object.values(EXTERNAL), ...local });
  await world.put('internal', {
    ...{ vip: Object.values(INTERNAL), ports: both(30002), internalPolicy: 'local', ...here },
  });
  await world.put('affine', {
    ...{ vip: Object.values(AFFINE), affinity: 'client' },
    ports: [{ port: 80, targetPort: SERVER_PORT, nodePort: 30003 }],
    endpoints: ['web-1', 'web-2', 'web-3'],
  });
  // Those of IPv6 are used only by who asks for them.
  const lines = FAMILIES.flatMap((family) =>
    CLIENTS[family].map(
      (each) => `address add ${each}/${family === 'ipv4' ? 24 : '64 nodad preferred_lft 0'} dev eth0`,
    ),
  );
  await output(world.lab, 'client', 'sh', '-c', 'printf "%s\\n" "$@" | ip -batch -', 'sh', ...lines);
});

describe.each(DATAPLANES)('with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up.world;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
  });

  describe.each(FAMILIES)('%s', (family) => {
    const at = (name: string) => up.world.addressOf(name, family);

    it('7. a host reaches all endpoints through its own NodePort, whatever the policy', async () => {
      for (const host of ['host-1', 'host-3'])
        expect(await up.world.names(host, `tcp ${at(host)} 30001`, 40)).toEqual(['web-1b', 'web-2']);
    });

    it('9. an outside client at a NodePort of policy local meets local endpoints as itself, or nobody', async () => {
      for (const protocol of ['tcp', 'udp']) {
        const answers = (host: string) => up.world.answers('client', `${protocol} ${at(host)} 30001`, 20);
        expect(await answers('host-1')).toEqual([`web-1b sees ${at('client')}`]);
        expect(await answers('host-2')).toEqual([`web-2 sees ${at('client')}`]);
        const nobody = `${protocol} ${at('host-3')} 30001`;
        expect(await up.world.silence('client', nobody)).toEqual(['silence']);
      }
    });

    it('10. a container at a NodePort of policy local meets all endpoints', async () => {
      for (const [from, host] of [
        ['web-1', 'host-1'],
        ['web-3', 'host-3'],
      ] as const)
        expect(await up.world.answers(from, `tcp ${at(host)} 30001`, 40)).toEqual(
          ['web-1b', 'web-2'].map((name) => `${name} sees ${at(from)}`),
        );
    });

    it('11. a container at a VIP of internal policy local meets local endpoints, or nobody', async () => {
      for (const protocol of ['tcp', 'udp']) {
        const target = `${protocol} ${INTERNAL[family]} 80`;
        expect(await up.world.answers('web-1', target, 20)).toEqual([`web-1b sees ${at('web-1')}`]);
        expect(await up.world.answers('web-2', target, 20)).toEqual([
          `web-2 sees ${up.world.bridgeOf('host-2', family)}`,
        ]);
        expect(await up.world.names('host-1', target, 20)).toEqual(['web-1b']);
        const nobody = ['web-3', 'host-3'].map((from) => up.world.silence(from, target));
        expect(await Promise.all(nobody)).toEqual([['silence'], ['silence']]);
      }
    });

    it('17. a client stays with its endpoint, at every host, and moves at once when that goes', async () => {
      const { world } = up;
      const ask = (address: string, port: number) =>
        world.byAddress('client', `tcp ${address} ${port}`, CLIENTS[family]);
      const first = await ask(AFFINE[family], 80);
      expect(Object.keys(first).sort()).toEqual([...CLIENTS[family]].sort());
      expect(new Set(Object.values(first))).toEqual(new Set(['web-1', 'web-2', 'web-3']));
      expect(await ask(AFFINE[family], 80)).toEqual(first);
      for (const host of ['host-1', 'host-2', 'host-3']) expect(await ask(at(host), 30003)).toEqual(first);
      await world.write('DELETE', 'affine/endpoints/web-2');
      const after = await ask(at('host-3'), 30003);
      expect(await ask(AFFINE[family], 80)).toEqual(after);
      for (const [client, name] of Object.entries(first))
        if (name === 'web-2') expect(['web-1', 'web-3']).toContain(after[client]);
        else expect([client, after[client]]).toEqual([client, name]);
      await world.write('POST', 'affine/endpoints', { to: 'web-2' });
      expect(await ask(AFFINE[family], 80)).toEqual(first);
    });
  });
});
