import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/host-network.ts';
import type { ContainerStatus } from '../../shared/src/model/container.ts';
import { DUAL, DUAL_BRIDGE, IPV4, OUTSIDE, useContainerWorld, web } from './containers-world.ts';

/** A network that changes under running containers: real runc, real namespaces. */
/** What the host has after it lost its subnets and got others. */
const MOVED: ContainerNetwork = {
  ...DUAL,
  subnets: { ipv4: '10.10.5.0/24', ipv6: 'fd00:10:0:5::/64' },
  gateways: { ipv4: '10.10.5.1', ipv6: 'fd00:10:0:5::1' },
};
const NOWHERE: ContainerNetwork = { ...DUAL, subnets: {}, gateways: {} };
const RENUMBER = `
  ip address delete 10.10.1.1/24 dev cwy0
  ip address delete fd00:10:0:1::1/64 dev cwy0
  ip address add 10.10.5.1/24 dev cwy0
  ip address add fd00:10:0:5::1/64 dev cwy0 nodad`;

const world = useContainerWorld(`${DUAL_BRIDGE}${OUTSIDE}`);
const serving = (name: string) => web(name, {}, '12345');
const reconcileOn = (network: ContainerNetwork, ...names: string[]) =>
  world.reconcile(network, ...names.map(serving));
const addressesIn = (name: string) => world.addressesIn(name);

describe('a host that gets other subnets', () => {
  it('moves its containers while they run, and tells of it', async () => {
    const [before] = await reconcileOn(DUAL, 'a', 'b');
    await world.sh(RENUMBER);
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
    expect(await world.get('a', '10.10.5.3')).toBe('hello from b\n');
    for (const outside of ['192.0.2.2', '2001:db8::2'])
      expect(await world.ping('a', outside)).toContain('1 packets received');
    expect(await world.inside('a', 'cat', '/etc/hosts')).toMatch(
      /\n10\.10\.5\.2\ta\nfd00:10:0:5::2\ta\n10\.10\.5\.3\tb\nfd00:10:0:5::3\tb\n$/,
    );
    expect(await world.sh('ip -n cwy-a -o link show eth0')).toContain('0a:58:0a:0a:05:02');
    expect((await world.agent(MOVED, { reconcile: specs })).events).toEqual([]);
  });

  it('says which of them must be restarted: those whose programs hold on to the address that is gone', async () => {
    const specs = [serving('free'), web('held', {}, '10.10.1.3:12345'), serving('udp')];
    await world.reconcile(IPV4, ...specs);
    const bind = "require('dgram').createSocket('udp4').bind(53, '10.10.1.4', () => console.log('bound'))";
    await world.net.start('ip', ['netns', 'exec', 'cwy-udp', 'node', '-e', bind]);
    await world.sh(RENUMBER);
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
    await world.sh(`${RENUMBER}; kill -9 $(pidof httpd)`);
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
    await world.sh(RENUMBER);
    const specs = ['a', 'b'].map(serving);
    for (let lifeMs = 100; lifeMs < 400; lifeMs += 25)
      await world.killedAfter(lifeMs, MOVED, { reconcile: specs });
    const states = async () => (await world.reconcile(MOVED, ...specs)).map(({ state }) => state);
    await expect.poll(states, { timeout: 120_000 }).toEqual(['running', 'running']);
    expect(await addressesIn('a')).toBe('10.10.5.2/24\nfd00:10:0:5::2/64\n');
    expect(await addressesIn('b')).toBe('10.10.5.3/24\nfd00:10:0:5::3/64\n');
    expect(await world.get('a', '[fd00:10:0:5::3]')).toBe('hello from b\n');
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
