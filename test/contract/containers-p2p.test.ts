import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import type { NetworkMode } from '../../shared/src/model/container-network.ts';
import { DUAL, DUAL_BRIDGE, useContainerWorld, webIn } from './containers-world.ts';

/** Two containers and a link between them, with real runc and real namespaces, in both families. */
const world = useContainerWorld(DUAL_BRIDGE);
const spec = (name: string, network?: NetworkMode, more: Partial<ContainerSpec> = {}) =>
  webIn(network, name, more);
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(DUAL, ...specs);
const kill = (pid: number | undefined) => world.sh(`kill -9 ${pid}`);

describe('a point-to-point link', () => {
  const to = (name: string, peer: string, addresses: object = {}) =>
    spec(name, { kind: 'p2p', peer, ...addresses });
  const links = (name: string) =>
    world.sh(`ip -n cwy-${name} -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'`);

  it('leads between two containers and nowhere else, with the addresses that were chosen', async () => {
    const specs = [
      to('a', 'b', { address: '10.0.0.1', ipv6Address: 'fd99::1' }),
      to('b', 'a', { address: '10.0.0.2', ipv6Address: 'fd99::2' }),
    ];
    const [a, b] = await reconcile(...specs);
    expect(a).toMatchObject({ state: 'running', address: '10.0.0.1', ipv6Address: 'fd99::1' });
    expect(b).toMatchObject({ state: 'running', address: '10.0.0.2', ipv6Address: 'fd99::2' });
    for (const address of ['10.0.0.2', '[fd99::2]'])
      expect(await world.get('a', address)).toBe('hello from b\n');
    for (const address of ['10.0.0.1', '[fd99::1]'])
      expect(await world.get('b', address)).toBe('hello from a\n');
    expect([await links('a'), await links('b')]).toEqual([' lo eth0', ' lo eth0']);
    expect(await world.sh('ip -n cwy-a -o -4 address show eth0')).toContain('10.0.0.1/32');
    expect(await world.sh('ip -n cwy-a -o -6 address show eth0 scope global')).toContain('fd99::1/128');
    expect(await world.sh('ip -n cwy-a route')).toMatch(
      /^10\.0\.0\.2 dev eth0 scope link src 10\.0\.0\.1 *\n$/,
    );
    expect(await world.sh('ip -o link show type bridge_slave')).toBe('');
    expect(await reconcile(...specs)).toEqual([a, b]);
  });

  it('is there again when either of both is started anew, and told of while one is not there', async () => {
    const specs = [to('a', 'b'), spec('b', { kind: 'none' })];
    let [a, b] = await reconcile(...specs);
    expect(b).toMatchObject({ state: 'running', address: '10.10.1.3' });
    for (const which of ['a', 'b']) {
      expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
      expect(await world.get('b', '[fd00:10:0:1::2]')).toBe('hello from a\n');
      await kill(which === 'a' ? a?.pid : b?.pid);
      await expect
        .poll(async () => (await reconcile(...specs)).map(({ state }) => state), { timeout: 30_000 })
        .toEqual(['running', 'running']);
      [a, b] = await reconcile(...specs);
    }
    expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
    const mortal = spec('b', { kind: 'none' }, { restart: 'no' });
    await kill((await reconcile(to('a', 'b'), mortal))[1]?.pid);
    expect(await reconcile(to('a', 'b'), mortal)).toMatchObject([
      { state: 'running', reason: 'its peer b does not run' },
      { state: 'exited' },
    ]);
  });

  it('is waited for by one that runs when the other is removed: it keeps its address, and can be stopped', async () => {
    const [a] = await reconcile(to('a', 'b'), spec('b', { kind: 'none' }));
    const [left, c] = await reconcile(to('a', 'b'), spec('c'));
    expect(left).toMatchObject({
      ...{ state: 'running', pid: a?.pid, address: '10.10.1.2' },
      reason: expect.stringContaining('there is no container b on this host'),
    });
    expect(c).toMatchObject({ state: 'running', address: '10.10.1.3' });
    const [back] = await reconcile(to('a', 'b'), spec('b', { kind: 'none' }));
    expect(back).toMatchObject({ state: 'running', pid: a?.pid, address: '10.10.1.2' });
    expect(await world.get('b', '10.10.1.2')).toBe('hello from a\n');
    const stopped = { ...to('a', 'b'), want: 'stopped', stopSeconds: 0 } as const;
    await expect
      .poll(async () => await reconcile(stopped, spec('c')), { timeout: 30_000 })
      .toMatchObject([{ state: 'stopped', address: '10.10.1.2' }, { state: 'running' }]);
    expect(await reconcile(to('a', 'b'), spec('c'))).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('there is no container b on this host') },
      { state: 'running' },
    ]);
  });

  it('is added to one that is on the bridge, and mended when it is damaged', async () => {
    const specs = [to('a', 'b'), spec('b')];
    await reconcile(...specs);
    const far = (await world.sh("ip -n cwy-b -o link | grep -o 'cwyp[0-9a-f]*' | head -1")).trim();
    for (const damage of [
      ':',
      'ip -n cwy-a link delete eth0',
      `ip -n cwy-b link set ${far} down`,
      'ip -n cwy-a route flush dev eth0',
      `ip -n cwy-b -6 address flush dev ${far} scope global`,
    ]) {
      await world.sh(damage);
      await reconcile(...specs);
      expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
      expect(await world.get('a', '[fd00:10:0:1::3]')).toBe('hello from b\n');
    }
    expect(await world.ping('b', '10.10.1.1')).toContain('1 packets received');
    await reconcile(spec('b'));
    expect(await links('b')).toBe(' lo eth0');
  });

  it('leaves nothing when an agent is killed anywhere on its way', async () => {
    const before = await world.traces();
    const specs = [to('a', 'b'), to('b', 'a')];
    for (let lifeMs = 150; lifeMs < 650; lifeMs += 50) {
      await world.killedAfter(lifeMs, DUAL, { reconcile: specs });
      if (lifeMs % 100 === 0) await reconcile();
    }
    await expect
      .poll(async () => (await reconcile(...specs)).map(({ state }) => state), { timeout: 30_000 })
      .toEqual(['running', 'running']);
    expect(await world.get('a', '10.10.1.3')).toBe('hello from b\n');
    await reconcile();
    expect(await world.traces()).toBe(before);
  });
});
