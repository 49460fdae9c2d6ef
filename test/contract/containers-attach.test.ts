import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { Call } from './containers-driver.ts';
import { attach, useOthersWorld } from './containers-others.ts';
import { DUAL, web } from './containers-world.ts';

/** Containers of others that are attached, and their end. */
const others = useOthersWorld();
const { world, somebodys, stateOf } = others;
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(DUAL, ...specs);
const agent = (...calls: Call[]) => world.agent(DUAL, ...calls);
const pingFrom = (pid: number, address: string) =>
  world.sh(`nsenter --net=/proc/${pid}/ns/net ping -c 1 -W 5 ${address} | grep -o '1 received'`);
const reasonOf = async (...specs: ContainerSpec[]) => {
  const last = (await reconcile(...specs)).at(-1);
  return [last?.state, last?.reason];
};

async function both(pid: number, status: ContainerStatus | undefined): Promise<void> {
  expect(status).toMatchObject({
    state: 'running',
    address: '10.10.1.2',
    ipv6Address: 'fd00:10:0:1::2',
    pid,
  });
  for (const address of ['10.10.1.1', 'fd00:10:0:1::1'])
    expect(await pingFrom(pid, address)).toBe('1 received\n');
  expect(await world.sh(`ping -c 1 -W 5 10.10.1.2 | grep -o '1 received'`)).toBe('1 received\n');
}

describe('a container of others', () => {
  it.each(['docker', 'containerd', 'pid'] as const)(
    'that %s names has a network, and loses it without a trace',
    async (kind) => {
      const pid = await somebodys();
      const before = [await stateOf(pid), await world.traces()];
      others.docker.containers.set('web', pid);
      mkdirSync(`${world.dir}/containerd/io.containerd.runtime.v2.task/default/web`, { recursive: true });
      writeFileSync(`${world.dir}/containerd/io.containerd.runtime.v2.task/default/web/init.pid`, `${pid}`);
      const spec = attach('theirs', kind, kind === 'pid' ? pid : 'web');
      const [status] = await reconcile(spec);
      await both(pid, status);
      expect(await agent({ plan: [spec] }, { reconcile: [spec] })).toEqual({
        answers: [[], [status]],
        events: [],
      });
      expect(await reconcile()).toEqual([]);
      expect([await stateOf(pid), await world.traces()]).toEqual(before);
      expect(await world.sh(`kill -0 ${pid} && echo lives`)).toBe('lives\n');
    },
  );

  it('that is a named namespace has one too, with the addresses and MAC that were chosen', async () => {
    await world.sh('ip netns add theirs');
    const before = await world.traces();
    const spec = attach('ns', 'netns', '/run/netns/theirs', {
      network: { kind: 'bridge', address: '10.10.1.9', mac: '0a:00:00:00:00:09' },
    });
    const [status] = await reconcile(spec);
    expect(status).toMatchObject({ state: 'running', address: '10.10.1.9' });
    expect(status).not.toHaveProperty('pid');
    expect(await world.sh('ip -n theirs -o link show eth0')).toContain('0a:00:00:00:00:09');
    expect(await world.sh("ip netns exec theirs ping -c 1 -W 5 10.10.1.1 | grep -o '1 received'")).toBe(
      '1 received\n',
    );
    await reconcile();
    expect(await world.traces()).toBe(before);
    expect(await world.sh('ip -n theirs -o link | cut -d: -f2')).toBe(' lo\n');
  });

  it('gets IPv6 where its engine has switched that off', async () => {
    const pid = await somebodys('echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6');
    const [status] = await reconcile(attach('a', 'pid', pid));
    await both(pid, status);
    expect(
      await world.sh(`nsenter --net=/proc/${pid}/ns/net cat /proc/sys/net/ipv6/conf/eth0/accept_ra`),
    ).toBe('0\n');
  });

  it('is mended when its link is damaged or its name is lost, without another address', async () => {
    const pid = await somebodys();
    const spec = attach('a', 'pid', pid);
    const [status] = await reconcile(spec);
    for (const damage of [
      `ip link set ${hostLinkOf('a')} down`,
      `ip link delete ${hostLinkOf('a')}`,
      `nsenter --net=/proc/${pid}/ns/net ip link delete eth0`,
      'ip netns delete cwya-a',
    ]) {
      await world.sh(damage);
      expect(await reconcile(spec)).toEqual([status]);
      await both(pid, status);
    }
  });

  it('follows its host to other subnets, with its address in what is told', async () => {
    const pid = await somebodys();
    const spec = attach('a', 'pid', pid);
    await reconcile(spec);
    const moved = { ...DUAL, subnets: { ipv4: '10.10.5.0/24' }, gateways: { ipv4: '10.10.5.1' } };
    await world.sh('ip address add 10.10.5.1/24 dev cwy0');
    const { answers, events } = await world.agent(moved, { reconcile: [spec] });
    expect(answers).toMatchObject([[{ state: 'running', address: '10.10.5.2' }]]);
    expect(events).toEqual([
      ['container-moved', 'container a moved from 10.10.1.2 and fd00:10:0:1::2 to 10.10.5.2'],
    ]);
    expect(await pingFrom(pid, '10.10.5.1')).toBe('1 received\n');
  });
});

describe('its end', () => {
  it.each(['pid', 'docker'] as const)(
    'is noticed within a second, and everything of ours goes (%s)',
    async (kind) => {
      const before = await world.traces();
      const pid = await somebodys();
      others.docker.containers.set('web', pid);
      const spec = attach('a', kind, kind === 'pid' ? pid : 'web');
      const run = agent({ reconcile: [spec] }, { killAndWait: pid }, { reconcile: [spec] });
      const { answers, events } = await run;
      expect(answers).toMatchObject([
        [{ state: 'running' }],
        'needed',
        [{ state: 'detached', reason: `${kind}:${kind === 'pid' ? pid : 'web'} does not run` }],
      ]);
      expect((answers[2] as object[])[0]).not.toHaveProperty('address');
      expect(events.map(([one]) => one)).toEqual(['container-attached', 'container-detached']);
      expect(await world.traces()).toBe(before);
    },
  );

  it('of one that its engine starts again is followed by a new life with the same address', async () => {
    const first = await somebodys();
    others.docker.containers.set('web', first);
    const spec = attach('a', 'docker', 'web');
    await reconcile(spec);
    others.docker.containers.set('web', 0);
    await world.sh(`kill -9 ${first}`);
    expect(await reconcile(spec)).toMatchObject([{ state: 'detached' }]);
    const other = await reconcile(spec, web('b'));
    expect(other[1]).toMatchObject({ address: '10.10.1.3' });
    const waiting = agent(
      { reconcile: [spec, web('b')] },
      { waitForNeed: true },
      { reconcile: [spec, web('b')] },
    );
    const before = others.docker.asked();
    await expect.poll(others.docker.asked, { timeout: 30_000 }).toBeGreaterThan(before);
    const second = await somebodys();
    others.docker.containers.set('web', second);
    const { answers } = await waiting;
    await both(second, (answers[2] as ContainerStatus[])[0]);
  });

  it('of a namespace is that of its name', async () => {
    await world.sh('ip netns add theirs');
    const spec = attach('a', 'netns', '/run/netns/theirs');
    await reconcile(spec);
    await world.sh('ip netns delete theirs');
    expect(await reasonOf(spec)).toEqual(['detached', 'netns:/run/netns/theirs does not run']);
    expect(await world.sh('ls /run/netns')).toBe('');
  });

  it('is no end when only the engine is away', async () => {
    const pid = await somebodys();
    others.docker.containers.set('web', pid);
    const [status] = await reconcile(attach('a', 'docker', 'web'));
    await others.docker.close();
    expect(await reconcile(attach('a', 'docker', 'web'))).toEqual([status]);
  });
});

describe('an agent that is killed anywhere while it attaches', () => {
  it('leaves what the next one completes, or takes away', async () => {
    const pid = await somebodys();
    const before = [await stateOf(pid), await world.traces()];
    const spec = attach('a', 'pid', pid);
    for (let lifeMs = 100; lifeMs < 400; lifeMs += 20) {
      await world.killedAfter(lifeMs, DUAL, { reconcile: [spec] });
      if (lifeMs % 40 !== 0) continue;
      await reconcile();
      expect([await stateOf(pid), await world.traces()]).toEqual(before);
    }
    await both(pid, (await reconcile(spec))[0]);
    expect(await agent({ removeAll: true })).toMatchObject({ answers: [['removed container a']] });
    expect([await stateOf(pid), await world.traces()]).toEqual(before);
  });
});
