import { uniformity } from '@causeway/lab/story/chi-squared';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { FAMILIES } from '@causeway/shared/net/family';
import { beforeAll, describe, expect, it } from 'vitest';
import { planOf, told } from '../support/faults.ts';
import { output } from '../support/lab.ts';
import { SERVER_PORT, useServiceLab, vipsOf } from '../support/service-lab.ts';

/** Who reaches what through VIPs and NodePorts, and as whom. Numbers are those of the list of cases. */
const up = useServiceLab({ controllerFlags: ['--node-port-cidrs', '192.168.122.0/24,fd00:122::/64'] });

const ONE = vipsOf(1);
const THREE = vipsOf(2);
const WEIGHED = vipsOf(3);
const SELF = vipsOf(4);
const NEIGHBOUR = vipsOf(5);
const MANY = vipsOf(6);
const NOBODY = { ipv4: '10.96.200.200', ipv6: 'fd00:10:96::c8c8' };
/** A second server of `web-1`, beside that of `SERVER_PORT`. */
const SECOND_PORT = 9091;
const EVERYWHERE = ['web-1', 'web-2', 'web-3'];

beforeAll(async () => {
  const { world } = up;
  const ports = (nodePort: number) => [{ port: 80, targetPort: SERVER_PORT, nodePort }];
  const three = EVERYWHERE.map((name) => `${name}:${SERVER_PORT}`);
  const weighed = [{ to: 'web-2', weight: 3 }, 'web-3'];
  await world.put('one', { vip: Object.values(ONE), ports: ports(30001), endpoints: ['web-2'] });
  await world.put('three', { vip: Object.values(THREE), ports: ports(30002), endpoints: three });
  await world.put('weighed', { vip: Object.values(WEIGHED), ports: ports(30003), endpoints: weighed });
  await world.put('self', { vip: Object.values(SELF), ports: ports(30004), endpoints: ['web-1'] });
  await world.put('neighbour', { vip: Object.values(NEIGHBOUR), ports: ports(30005), endpoints: ['web-1b'] });
  await world.serve('web-1', 'web-1-second', SECOND_PORT);
  await world.serve('host-1', 'host-1', 30001);
  await world.put('many', {
    vip: Object.values(MANY),
    ports: [
      { protocol: 'tcp', port: 53, targetPort: SERVER_PORT, nodePort: 30006 },
      { protocol: 'udp', port: 53, targetPort: SECOND_PORT, nodePort: 30006 },
      { protocol: 'sctp', port: 53, targetPort: 9092, nodePort: 30006 },
    ],
    endpoints: ['web-1'],
  });
});

describe.each(DATAPLANES)('with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up.world;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
  });

  describe.each(FAMILIES)('%s', (family) => {
    const at = (name: string) => up.world.addressOf(name, family);
    const bridge = () => up.world.bridgeOf('host-1', family);
    /** What a host that is no container is taken for: at a container of host-1, and elsewhere. */
    const masqueraded = () => [
      `web-1 sees ${bridge()}`,
      `web-2 sees ${at('host-1')}`,
      `web-3 sees ${at('host-1')}`,
    ];

    it('1. a container is led to the one endpoint’s target port, and keeps its address', async () => {
      expect(await up.world.answers('web-1', `tcp ${ONE[family]} 80`)).toEqual([`web-2 sees ${at('web-1')}`]);
    });

    it('2. a container’s connections are spread evenly, or by weight', async () => {
      const even = await up.world.ask('web-1b', `tcp ${THREE[family]} 80`, 600);
      expect(Object.keys(even.answers).sort()).toEqual(
        EVERYWHERE.map((name) => `${name} sees ${at('web-1b')}`),
      );
      expect(uniformity(Object.values(even.answers))).toBeGreaterThan(1e-6);
      const { answers } = await up.world.ask('web-1b', `tcp ${WEIGHED[family]} 80`, 400);
      const heavy = answers[`web-2 sees ${at('web-1b')}`] ?? 0;
      expect(heavy + (answers[`web-3 sees ${at('web-1b')}`] ?? 0)).toBe(400);
      // Binomial with a mean of 300 and a deviation of 8.7: six of them off happens in one run of 500 million.
      expect(Math.abs(heavy - 300)).toBeLessThan(52);
    });

    it('3. a container that is itself chosen reaches itself', async () => {
      expect(await up.world.answers('web-1', `tcp ${SELF[family]} 80`)).toEqual([`web-1 sees ${bridge()}`]);
      expect(await up.world.answers('web-1', `tcp ${at('host-1')} 30004`)).toEqual([
        `web-1 sees ${bridge()}`,
      ]);
    });

    it('4. a host reaches a VIP, masqueraded', async () => {
      expect(await up.world.answers('host-1', `tcp ${THREE[family]} 80`, 40)).toEqual(masqueraded());
    });

    it('5. an outside client that is routed through a host reaches a VIP, masqueraded', async () => {
      expect(await up.world.answers('client', `tcp ${THREE[family]} 80`, 40)).toEqual(masqueraded());
    });

    it('6. client and endpoint may be on one bridge', async () => {
      expect(await up.world.answers('web-1', `tcp ${NEIGHBOUR[family]} 80`)).toEqual([
        `web-1b sees ${at('web-1')}`,
      ]);
    });

    it('7. a host reaches all endpoints through its own NodePort', async () => {
      expect(await up.world.answers('host-1', `tcp ${at('host-1')} 30002`, 40)).toEqual(masqueraded());
    });

    it('8. an outside client reaches a remote endpoint through the NodePort of a host that has none', async () => {
      expect(await up.world.answers('client', `tcp ${at('host-3')} 30004`)).toEqual([
        `web-1 sees ${at('host-3')}`,
      ]);
    });

    it('14. an undefined port of a live VIP is refused, and the VIP of nobody is silent', async () => {
      const asks = ['web-1', 'host-1', 'client'].flatMap((from) =>
        ['tcp', 'udp'].flatMap((protocol) => [
          [from, `${protocol} ${ONE[family]} 81`, 'ECONNREFUSED'] as const,
          [from, `${protocol} ${NOBODY[family]} 80`, 'silence'] as const,
        ]),
      );
      const found = asks.map(async ([from, target, expected]) => [
        ...[from, target],
        ...(await (expected === 'silence'
          ? up.world.silence(from, target)
          : up.world.answers(from, target, 1))),
      ]);
      expect(await Promise.all(found)).toEqual(asks);
    });

    it.each([
      ['web-1b', 'the VIP'],
      ['client', 'the VIP'],
      ['client', 'the NodePort'],
    ])('15. TCP, UDP and SCTP of one port are kept apart: %s at %s', async (from, what) => {
      const [address, port] = what === 'the VIP' ? [MANY[family], 53] : [at('host-1'), 30006];
      const seen = from === 'client' ? bridge() : at(from);
      expect(await up.world.answers(from, `tcp ${address} ${port}`)).toEqual([`web-1 sees ${seen}`]);
      expect(await up.world.answers(from, `udp ${address} ${port}`)).toEqual([`web-1-second sees ${seen}`]);
      expect(await up.world.askSctp(from, address, port)).toBe(`web-1 sees ${seen} on 9092`);
    });

    it('16. an address that is not listed has no NodePort, and neither has loopback', async () => {
      expect(await up.world.answers('client', `tcp ${at('host-1')} 30001`)).toEqual([
        `web-2 sees ${at('host-1')}`,
      ]);
      expect(await up.world.answers('web-1', `tcp ${bridge()} 30001`)).toEqual([
        `host-1 sees ${at('web-1')}`,
      ]);
      expect(await up.world.answers('web-1', `tcp ${bridge()} 30002`)).toEqual(['ECONNREFUSED']);
      const loopback = family === 'ipv4' ? '127.0.0.1' : '::1';
      expect(await up.world.answers('host-1', `tcp ${loopback} 30001`)).toEqual([`host-1 sees ${loopback}`]);
      const route = await output(up.world.lab, 'host-1', 'sh', '-c', ROUTE_LOCALNET);
      expect(route).toBe('0');
    });
  });

  it('22. a definition without endpoints makes no fault, and a headless one no rule', async () => {
    const { world } = up;
    const { lab } = world;
    await world.put('none-named', { vip: Object.values(vipsOf(7)), ports: [{ port: 80 }] });
    await world.put('none-found', { vip: 'auto', ports: [{ port: 80 }], selector: { app: 'nothing' } });
    await world.put('none-at-nodes', { vip: 'none', ports: [{ port: 80, nodePort: 30007 }] });
    expect(await planOf(lab, 'host-1')).toBe('nothing to do');
    expect(await told(lab, 'host-1')).toMatchObject({ code: 200, exitCode: 0 });
    for (const name of ['none-named', 'none-found', 'none-at-nodes']) await world.write('DELETE', name);
    const before = await output(lab, 'host-1', 'sh', '-c', RULES[dataplane]);
    const headless = { vip: 'none', ports: [{ port: 80 }], endpoints: ['web-1'] };
    await world.put('headless', headless);
    expect(await output(lab, 'host-1', 'sh', '-c', RULES[dataplane])).toBe(before);
    expect(await planOf(lab, 'host-1')).toBe('nothing to do');
    await world.write('DELETE', 'headless');
  });
});

const ROUTE_LOCALNET = 'cat /proc/sys/net/ipv4/conf/*/route_localnet | sort -u';
const RULES = {
  nftables: 'nft list table ip causeway; nft list table ip6 causeway',
  iptables: 'for x in iptables ip6tables; do $x -t nat -S; $x -S; done',
};
