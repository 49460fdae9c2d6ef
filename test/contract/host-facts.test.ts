import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FactsRequest, HostInfo } from '../../node-agent/src/kernel/kernel.ts';
import { useBundle } from '../support/bundle.ts';
import { type Netns, openNetns } from '../support/netns.ts';

/** The reading of links, addresses and routes, against a real kernel: `choose-host.test.ts` has the finer cases. */
const PROGRAM = `
import { readHost } from './facts.ts';
readHost(JSON.parse(process.argv[2])).then(
  (info) => console.log(JSON.stringify(info)),
  (error) => console.log(JSON.stringify({ error: error.message })),
);`;

/** Links of a host; the far ends are left alone. Duplicate address detection is off, or addresses would be tentative. */
const SETUP = `
for n in 0 1; do
  ip link add eth$n mtu $((1500 + n * 100)) type veth peer name far$n
  echo 0 > /proc/sys/net/ipv6/conf/eth$n/accept_dad
  ip link set far$n up
  ip link set eth$n up
done
ip address add 192.168.122.11/24 dev eth0
ip address add 192.168.122.12/24 dev eth0
ip address add fd00:122::b/64 dev eth0
ip address add fd00:122::d/64 preferred_lft 0 dev eth0
ip address add 10.0.0.11/16 dev eth1
ip address add fd00:1::b/64 dev eth1
ip route add 203.0.113.0/24 via 10.0.0.1
ip route add default via 192.168.122.1
ip link add cwy0 type bridge
ip address add 10.10.1.1/24 dev cwy0
`;

const program = useBundle({ lines: PROGRAM, in: new URL('../../node-agent/src/kernel/', import.meta.url) });
let world: Netns;

beforeEach(async () => {
  world = await openNetns();
  await world.sh(SETUP);
});
afterEach(() => world.close());

async function read(request: Partial<FactsRequest>): Promise<HostInfo & { readonly error?: string }> {
  const whole = JSON.stringify({ name: 'host-1', id: 'one', ...request });
  return JSON.parse((await world.exec(process.execPath, [program.path, whole])).stdout);
}
const chosen = async (request: Partial<FactsRequest> = {}) => {
  const { facts, error } = await read(request);
  return error ?? [facts.iface, facts.ipv4?.publicIp, facts.ipv6?.publicIp];
};

it('reads the link of the default route, its addresses, networks, MTU and accept_ra', async () => {
  await world.sh('echo 2 > /proc/sys/net/ipv6/conf/eth0/accept_ra');
  expect(await read({})).toEqual({
    facts: {
      ...{ name: 'host-1', id: 'one', iface: 'eth0', mtu: 1500, acceptRa: 2 },
      ipv4: { publicIp: '192.168.122.11', network: '192.168.122.0/24' },
      ipv6: { publicIp: 'fd00:122::b', network: 'fd00:122::/64' },
    },
    addresses: expect.arrayContaining(['192.168.122.12', 'fd00:122::d', '10.0.0.11', 'fd00:1::b']),
    problems: [],
  });
  const { addresses } = await read({});
  expect(addresses.filter((one) => /^(127|fe80|::1|10\.10\.)/.test(one))).toEqual([]);
});

it('names the other links whose routers it has learnt of', async () => {
  await world.sh('ip -6 route add default via fd00:122::1 dev eth0 proto ra metric 1024');
  await world.sh('ip -6 route add default via fd00:1::1 dev eth1 proto ra metric 2048');
  expect((await read({ iface: 'eth0' })).facts).toMatchObject({ iface: 'eth0', routerLinks: ['eth1'] });
  await world.sh('ip -6 route replace default via fd00:1::1 dev eth1 proto static metric 2048');
  expect((await read({ iface: 'eth0' })).facts).not.toHaveProperty('routerLinks');
});

it('finds what is named, by name, address, pattern and way', async () => {
  const eth1 = ['eth1', '10.0.0.11', 'fd00:1::b'];
  expect(await chosen({ iface: 'eth1' })).toEqual(eth1);
  expect(await chosen({ iface: 'fd00:1::b' })).toEqual(eth1);
  expect(await chosen({ ifacePattern: '^10\\.0' })).toEqual(eth1);
  expect(await chosen({ ifacePattern: 'eth[1-9]' })).toEqual(eth1);
  expect(await chosen({ canReach: '203.0.113.9' })).toEqual(eth1);
  expect(await chosen({ canReach: 'fd00:1::77' })).toEqual(eth1);
  expect(await chosen({ publicIpv6: 'fd00:1::b' })).toEqual(eth1);
  expect(await chosen({ publicIp: '192.168.122.12' })).toEqual(['eth0', '192.168.122.12', 'fd00:122::b']);
  expect((await read({ iface: 'eth1' })).facts.mtu).toBe(1600);
});

it('takes the better of two default routes, and that of IPv6 when there is none of IPv4', async () => {
  await world.sh('ip route add default via 10.0.0.1 metric 5; ip -6 route add default via fd00:1::1');
  expect((await read({})).facts.iface).toBe('eth0');
  await world.sh('ip route delete default metric 0');
  expect((await read({})).facts.iface).toBe('eth1');
  await world.sh('ip route delete default metric 5; ip -6 route replace default via fd00:122::1 metric 9');
  expect((await read({})).facts.iface).toBe('eth0');
});

it('takes the first link of a default route by several', async () => {
  await world.sh('ip route replace default nexthop via 10.0.0.1 nexthop via 192.168.122.1');
  expect((await read({})).facts.iface).toBe('eth1');
});

it('takes no IPv6 address that is temporary, deprecated, tentative or the link’s alone', async () => {
  await world.sh('ip address delete fd00:122::b/64 dev eth0');
  expect(await chosen()).toEqual(['eth0', '192.168.122.11', undefined]);
  await world.sh(`
    echo 1 > /proc/sys/net/ipv6/conf/eth0/accept_dad
    echo 1000 > /proc/sys/net/ipv6/conf/eth0/dad_transmits
    ip address add fd00:122::e/64 dev eth0`);
  expect(await chosen()).toEqual(['eth0', '192.168.122.11', undefined]);
  await world.sh(`
    echo 2 > /proc/sys/net/ipv6/conf/eth1/use_tempaddr
    ip address delete fd00:1::b/64 dev eth1
    ip address add fd00:1:0:0:5054:ff:fe00:1/64 dev eth1 mngtmpaddr`);
  const listed = await world.sh('ip -6 address show dev eth1 temporary');
  expect(listed.stdout).toContain('temporary');
  expect((await chosen({ iface: 'eth1' }))[2]).toBe('fd00:1::5054:ff:fe00:1');
});

it('keeps an address that is deprecated but the only one, and that of a link that is down', async () => {
  const { facts: known } = await read({});
  await world.sh('ip address change fd00:122::b/64 dev eth0 preferred_lft 0');
  expect(await chosen({ known })).toEqual(['eth0', '192.168.122.11', 'fd00:122::b']);
  await world.sh('ip link set eth0 down; ip address flush dev eth0');
  expect(await read({ known })).toMatchObject({
    facts: known,
    problems: [{}, {}].map(() => expect.any(String)),
  });
});

it('refuses what is not there, in one sentence', async () => {
  await world.sh(
    'ip route delete default; ip address flush dev eth1; ip route add unreachable 198.51.100.0/24',
  );
  const refused: readonly [Partial<FactsRequest>, string][] = [
    [
      {},
      'choosing the link to the other hosts by the default route: there is no default route; name the link with --iface',
    ],
    [{ iface: 'eth9' }, '--iface "eth9" is no link of this host'],
    [{ iface: 'eth1' }, '--iface "eth1" is a link without an address that other hosts could reach'],
    [{ iface: '10.0.0.11' }, '--iface "10.0.0.11" is no address of this host'],
    [{ publicIp: '10.0.0.11' }, '--public-ip "10.0.0.11" is no address of this host'],
    [{ publicIpv6: 'fd00:1::b' }, '--public-ipv6 "fd00:1::b" is no address of this host'],
    [
      { canReach: '198.51.100.1' },
      '--iface-can-reach "198.51.100.1" is an address that no route of this host leads to',
    ],
    [
      { canReach: '203.0.113.9' },
      '--iface-can-reach "203.0.113.9" is an address that no route of this host leads to',
    ],
    [
      { canReach: '192.168.122.11' },
      '--iface-can-reach "192.168.122.11" is an address of this host itself, and tells no link',
    ],
    [
      { ifacePattern: '^eth1$' },
      '--iface-regex "^eth1$" matches none of this host\'s links and addresses: eth0 (192.168.122.11, 192.168.122.12, fd00:122::b)',
    ],
  ];
  for (const [request, sentence] of refused) expect((await read(request)).error).toBe(sentence);
});

it('refuses a bridge that bears the name of a link of others, and counts no bridge of ours as a link of the host', async () => {
  const sentence = 'is a link of this host that Causeway did not make: choose another name';
  expect(await read({ bridge: 'eth1' })).toEqual({ error: `--bridge "eth1" ${sentence}` });
  await world.sh('ip link add br1 type bridge; ip address add 10.10.7.1/24 dev br1; ip link set br1 up');
  expect(await read({ bridge: 'br1' })).toEqual({ error: `--bridge "br1" ${sentence}` });
  await world.sh('ip link set br1 alias causeway');
  const found = await read({ bridge: 'br1' });
  expect(found.facts).toMatchObject({ iface: 'eth0', bridge: 'br1' });
  expect(found.addresses).not.toContain('10.10.7.1');
  expect(await read({ bridge: 'br9' })).toMatchObject({ facts: { bridge: 'br9' } });
});
