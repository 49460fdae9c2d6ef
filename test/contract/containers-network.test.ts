import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/network.ts';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { ContainerStatus } from '../../shared/src/model/container.ts';
import {
  buildDriver,
  type ContainerWorld,
  type Driver,
  openContainerWorld,
  web,
} from './containers-world.ts';

/** Both families, and a network that changes under running containers: real runc, real namespaces. */
const V4 = { subnet: '10.10.1.0/24', gateway: '10.10.1.1' };
const V6 = { subnet: 'fd00:10:0:1::/64', gateway: 'fd00:10:0:1::1' };
const place = { bridge: 'cwy0', mtu: 1450 };
const IPV4: ContainerNetwork = { ...place, subnets: { ipv4: V4.subnet }, gateways: { ipv4: V4.gateway } };
const IPV6: ContainerNetwork = { ...place, subnets: { ipv6: V6.subnet }, gateways: { ipv6: V6.gateway } };
const DUAL: ContainerNetwork = {
  ...place,
  subnets: { ...IPV4.subnets, ...IPV6.subnets },
  gateways: { ...IPV4.gateways, ...IPV6.gateways },
};
/** What the host has after it lost its subnets and got others. */
const MOVED: ContainerNetwork = {
  ...place,
  subnets: { ipv4: '10.10.5.0/24', ipv6: 'fd00:10:0:5::/64' },
  gateways: { ipv4: '10.10.5.1', ipv6: 'fd00:10:0:5::1' },
};
const NOWHERE: ContainerNetwork = { ...place, subnets: {}, gateways: {} };

/** The bridge, and behind the host an outside that knows the way back to both subnets. */
const HOST = `
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  ip link add cwy0 type bridge
  ip link set cwy0 up
  ip address add 10.10.1.1/24 dev cwy0
  ip address add fd00:10:0:1::1/64 dev cwy0 nodad
  ip netns add outside
  ip link add out0 type veth peer name eth0 netns outside
  ip address add 192.0.2.1/24 dev out0
  ip address add 2001:db8::1/64 dev out0 nodad
  ip link set out0 up
  ip -n outside address add 192.0.2.2/24 dev eth0
  ip -n outside address add 2001:db8::2/64 dev eth0 nodad
  ip -n outside link set eth0 up
  ip -n outside route add default via 192.0.2.1
  ip -n outside -6 route add default via 2001:db8::1`;
const RENUMBER = `
  ip address delete 10.10.1.1/24 dev cwy0
  ip address delete fd00:10:0:1::1/64 dev cwy0
  ip address add 10.10.5.1/24 dev cwy0
  ip address add fd00:10:0:5::1/64 dev cwy0 nodad`;

let driver: Driver;
let world: ContainerWorld;

beforeAll(async () => {
  driver = await buildDriver();
});
afterAll(() => driver.remove());
beforeEach(async () => {
  world = await openContainerWorld(driver, HOST);
});
afterEach(() => world.close());

const serving = (name: string) => web(name, {}, '12345');
const get = (name: string, address: string) =>
  world.inside(name, 'wget', '-qO-', `http://${address}:12345/hello`);
const ping = (name: string, address: string) =>
  world.inside(name, address.includes(':') ? 'ping6' : 'ping', '-c', '1', '-W', '5', address);
const sh = async (script: string) => (await world.net.sh(script)).stdout;
/** Global addresses inside a container, with their lengths, and what of them is not usable yet. */
const addressesIn = (name: string) =>
  sh(`ip -n cwy-${name} -o address show dev eth0 scope global | sed -E 's/.*inet6? ([^ ]+).*/\\1/'`);

async function reconcileOn(network: ContainerNetwork, ...names: string[]): Promise<ContainerStatus[]> {
  return world.reconcile(network, ...names.map(serving));
}

describe('containers of a network of both families', () => {
  it('have an address in each, reach each other and the outside, and are reached', async () => {
    const made = await reconcileOn(DUAL, 'a', 'b');
    expect(made).toMatchObject([
      { state: 'running', address: '10.10.1.2', ipv6Address: 'fd00:10:0:1::2' },
      { state: 'running', address: '10.10.1.3', ipv6Address: 'fd00:10:0:1::3' },
    ]);
    expect(await get('a', '10.10.1.3')).toBe('hello from b\n');
    expect(await get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    expect(await ping('a', '192.0.2.2')).toContain('1 packets received');
    expect(await ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await sh('ip netns exec outside ping -c 1 -W 5 fd00:10:0:1::3')).toContain('1 received');
    expect(await world.inside('a', 'cat', '/etc/hosts')).toContain('10.10.1.2\ta\nfd00:10:0:1::2\ta\n');
    expect(await sh('ip -n cwy-a -6 address show dev eth0 scope global')).not.toMatch(/tentative|dynamic/);
  });

  it('are left alone by a second pass and by an agent restarted', async () => {
    const first = await reconcileOn(DUAL, 'a', 'b');
    const specs = ['a', 'b'].map(serving);
    const { answers, events } = await world.agent(DUAL, { plan: specs }, { reconcile: specs });
    expect([answers, events]).toEqual([[[], first], []]);
  });

  it('take no router for theirs that announces itself on the bridge', async () => {
    await reconcileOn(DUAL, 'a');
    for (const link of ['eth0', 'default'])
      expect(await world.inside('a', 'cat', `/proc/sys/net/ipv6/conf/${link}/accept_ra`)).toBe('0\n');
  });

  it('get a link back that was deleted, with all that was behind it', async () => {
    const [first] = await reconcileOn(DUAL, 'a');
    await sh(`ip link delete ${hostLinkOf('a')}`);
    expect(await reconcileOn(DUAL, 'a')).toEqual([first]);
    expect(await ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await ping('a', '192.0.2.2')).toContain('1 packets received');
  });
});

describe('containers of a network of one family', () => {
  it('of IPv6 have an IPv6 address only, reach each other and the outside', async () => {
    const made = await reconcileOn(IPV6, 'a', 'b');
    expect(made).toMatchObject([{ state: 'running', ipv6Address: 'fd00:10:0:1::2' }, { state: 'running' }]);
    expect(made[0]).not.toHaveProperty('address');
    expect(await get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    expect(await ping('a', '2001:db8::2')).toContain('1 packets received');
    expect(await addressesIn('a')).toBe('fd00:10:0:1::2/64\n');
    const links = await sh('for name in a b; do ip -n cwy-$name -o link show eth0; done');
    expect(new Set(links.match(/link\/ether \S+/g)).size).toBe(2);
  });

  it('of IPv4 have an IPv4 address only', async () => {
    const [made] = await reconcileOn(IPV4, 'a');
    expect(made).toMatchObject({ state: 'running', address: '10.10.1.2' });
    expect(made).not.toHaveProperty('ipv6Address');
    expect(await addressesIn('a')).toBe('10.10.1.2/24\n');
  });

  it('get the second family while they run, and lose it again with its way out', async () => {
    const [first] = await reconcileOn(IPV4, 'a');
    const gained = await world.agent(DUAL, { reconcile: [serving('a')] });
    expect(gained).toEqual({ answers: [[{ ...first, ipv6Address: 'fd00:10:0:1::2' }]], events: [] });
    expect(await ping('a', '2001:db8::2')).toContain('1 packets received');
    const lost = await world.agent(IPV4, { reconcile: [serving('a')] });
    expect(lost.answers).toEqual([[first]]);
    const sentence = 'container a has lost fd00:10:0:1::2 and keeps 10.10.1.2';
    expect(lost.events).toEqual([['container-moved', sentence]]);
    expect(await addressesIn('a')).toBe('10.10.1.2/24\n');
    expect(await sh('ip -n cwy-a -6 route show default')).toBe('');
    expect(await ping('a', '192.0.2.2')).toContain('1 packets received');
  });
});

describe('a host that gets other subnets', () => {
  it('moves its containers while they run, and tells of it', async () => {
    const [before] = await reconcileOn(DUAL, 'a', 'b');
    await sh(RENUMBER);
    const specs = ['a', 'b'].map(serving);
    const { answers, events } = await world.agent(
      MOVED,
      { plan: specs },
      { reconcile: specs },
      { plan: specs },
    );
    expect(answers[0]).toEqual(
      ['a', 'b'].map((name) =>
        expect.stringContaining(`repair container ${name}: its addresses change from 10`),
      ),
    );
    const after = { address: '10.10.5.2', ipv6Address: 'fd00:10:0:5::2' };
    expect(answers[1]).toMatchObject([{ ...before, ...after }, { address: '10.10.5.3' }]);
    expect(answers[2]).toEqual([]);
    const sentence = 'container a moved from 10.10.1.2 and fd00:10:0:1::2 to 10.10.5.2 and fd00:10:0:5::2';
    expect([...events].sort()[0]).toEqual(['container-moved', sentence]);
    expect(events).toHaveLength(2);

    expect(await addressesIn('a')).toBe('10.10.5.2/24\nfd00:10:0:5::2/64\n');
    expect(await get('a', '10.10.5.3')).toBe('hello from b\n');
    for (const outside of ['192.0.2.2', '2001:db8::2'])
      expect(await ping('a', outside)).toContain('1 packets received');
    expect(await world.inside('a', 'cat', '/etc/hosts')).toMatch(
      /\n10\.10\.5\.2\ta\nfd00:10:0:5::2\ta\n10\.10\.5\.3\tb\nfd00:10:0:5::3\tb\n$/,
    );
    expect(await sh('ip -n cwy-a -o link show eth0')).toContain('0a:58:0a:0a:05:02');
    expect((await world.agent(MOVED, { reconcile: specs })).events).toEqual([]);
  });

  it('says which of them must be restarted: those whose programs hold on to the address that is gone', async () => {
    const specs = [serving('free'), web('held', {}, '10.10.1.3:12345'), serving('udp')];
    await world.reconcile(IPV4, ...specs);
    const bind = "require('dgram').createSocket('udp4').bind(53, '10.10.1.4', () => console.log('bound'))";
    await world.net.start('ip', ['netns', 'exec', 'cwy-udp', 'node', '-e', bind]);
    await sh(RENUMBER);
    const { events } = await world.agent(
      { ...MOVED, subnets: { ipv4: '10.10.5.0/24' }, gateways: { ipv4: '10.10.5.1' } },
      { reconcile: specs },
    );
    const needed = events.filter(([kind]) => kind === 'restart-needed').map(([, message]) => message);
    expect(needed.sort()).toEqual([
      'container held must be restarted: its programs still listen on 10.10.1.3:12345/tcp, which is gone',
      'container udp must be restarted: its programs still listen on 10.10.1.4:53/udp, which is gone',
    ]);
  });

  it('starts those that had ended with other addresses, and tells of it', async () => {
    const [before] = await reconcileOn(DUAL, 'a');
    await sh(`${RENUMBER}; kill -9 ${await firstProcess()}`);
    const { answers, events } = await world.agent(MOVED, { reconcile: [serving('a')] });
    expect(answers[0]).toMatchObject([{ state: 'running', address: '10.10.5.2' }]);
    expect(before?.pid).not.toBe((answers[0] as ContainerStatus[])[0]?.pid);
    expect(events).toEqual([
      [
        'container-moved',
        'container a was started with 10.10.5.2 and fd00:10:0:5::2 instead of 10.10.1.2 and fd00:10:0:1::2',
      ],
    ]);
  });

  it('ends a move that was killed anywhere on its way', async () => {
    await reconcileOn(DUAL, 'a', 'b');
    await sh(RENUMBER);
    const specs = ['a', 'b'].map(serving);
    const input = JSON.stringify(world.scriptOf(MOVED, [{ reconcile: specs }]));
    for (let lifeMs = 100; lifeMs < 400; lifeMs += 25)
      await world.net.exec('timeout', ['-s', 'KILL', `${lifeMs / 1000}`, 'node', driver.path], {
        input,
        okCodes: [124, 137, -1],
      });
    const states = async () => (await world.reconcile(MOVED, ...specs)).map(({ state }) => state);
    await expect.poll(states, { timeout: 20_000 }).toEqual(['running', 'running']);
    expect(await addressesIn('a')).toBe('10.10.5.2/24\nfd00:10:0:5::2/64\n');
    expect(await addressesIn('b')).toBe('10.10.5.3/24\nfd00:10:0:5::3/64\n');
    expect(await get('a', '[fd00:10:0:5::3]')).toBe('hello from b\n');
  });
});

describe('a move that broke off half-way', () => {
  it('is ended by the next agent, which tells of it', async () => {
    const [before] = await reconcileOn(DUAL, 'a');
    const path = `${world.dir}/lib/containers/a.json`;
    const record = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...record, movedFrom: { ipv4: '10.10.9.2' } }));
    const { answers, events } = await world.agent(DUAL, { reconcile: [serving('a')] });
    expect(answers).toEqual([[before]]);
    expect(events).toEqual([['container-moved', 'container a moved from 10.10.9.2 to 10.10.1.2']]);
    expect((await world.agent(DUAL, { reconcile: [serving('a')] })).events).toEqual([]);
  });
});

describe('a host without a subnet', () => {
  it('starts no container and says so, leaves the running ones running, and brings them back', async () => {
    const [before] = await reconcileOn(DUAL, 'a');
    const lost = await reconcileOn(NOWHERE, 'a', 'b');
    expect(lost).toEqual([
      ...[
        { name: 'a', why: 'runs without a network' },
        { name: 'b', why: 'is not started' },
      ].map(({ name, why }) => ({
        ...{ name, host: 'host-1', state: 'failed' },
        reason: expect.stringContaining(`container ${name} ${why}: this host has no subnet`),
      })),
    ]);
    expect((await world.traces()).match(/httpd/g)).toHaveLength(1);
    const { answers, events } = await world.agent(DUAL, { reconcile: ['a', 'b'].map(serving) });
    expect(answers[0]).toMatchObject([before, { state: 'running', address: '10.10.1.3' }]);
    expect(events).toEqual([]);
  });

  it('still removes those that are not wanted', async () => {
    await reconcileOn(DUAL, 'a');
    expect(await reconcileOn(NOWHERE)).toEqual([]);
    expect(await world.traces()).not.toContain('httpd');
  });
});

describe('the MTU', () => {
  it('is followed by running containers on both ends of their links', async () => {
    const [before] = await reconcileOn(DUAL, 'a');
    await sh('ip link set cwy0 mtu 1380');
    expect(await reconcileOn({ ...DUAL, mtu: 1380 }, 'a')).toEqual([before]);
    expect(await sh('ip -n cwy-a -o link show eth0')).toContain('mtu 1380');
    expect(await sh(`ip -o link show ${hostLinkOf('a')}`)).toContain('mtu 1380');
    expect(await ping('a', '2001:db8::2')).toContain('1 packets received');
  });
});

describe('a host whose records were written before there was IPv6', () => {
  it('keeps its containers and their addresses', async () => {
    const [before] = await reconcileOn(IPV4, 'a');
    const record = await readFile(`${world.dir}/lib/containers/a.json`, 'utf8');
    expect(JSON.parse(record)).toMatchObject({ name: 'a', address: '10.10.1.2' });
    expect(record).not.toContain('ipv6');
    expect(await reconcileOn(IPV4, 'a')).toEqual([before]);
  });
});

/** The container's, in the numbers of the world. */
async function firstProcess(): Promise<string> {
  return (await sh(`pidof httpd`)).trim();
}
