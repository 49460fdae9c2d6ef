import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgentWorld, until } from '../../test/support/agent-world.ts';
import { resolved, serviceSpec } from '../../test/support/desired-host.ts';
import { freePorts } from '../../test/support/etcd.ts';

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(() => world.close());

/** Kinds of all steps that were applied from here on. */
const stepsFromHere = () => {
  const applied = vi.spyOn(world.kernel, 'apply');
  return () => applied.mock.calls.flatMap(([steps]) => steps.map((step) => step.kind));
};

describe('an agent', () => {
  it('leaves all in place when it stops, and has nothing to do when it starts again', async () => {
    await world.settled();
    world.expose('web', '2.2.2.2');
    await until(() => expect(world.rules()).toContain('2.2.2.2'));
    await world.stop();
    const before = [structuredClone(world.kernel.routes), world.rules()];
    const steps = stepsFromHere();
    world.wanted.length = 0;
    void world.start();
    await until(() => expect(world.wanted).not.toEqual([]));
    expect(steps()).toEqual([]);
    expect([world.kernel.routes, world.rules()]).toEqual(before);
  });

  it('removes at its start what an earlier life left: routes to peers that are gone, tunnels that are not wanted', async () => {
    await world.settled();
    await world.stop();
    world.store.remove(keys.subnet({ ipv4: '10.10.12.0/24' }));
    world.peer(13);
    const tunnel = { name: 'cwyx.7', vni: 7, port: 8472, local: '192.168.122.11', device: 'eth0' };
    const flags = { mac: '02:00:00:00:00:01', learning: false, gbp: false };
    world.kernel.addLink('cwyx.7', { type: 'vxlan', tunnel: { ...tunnel, ...flags } });
    void world.start();
    await until(() => expect(world.routes()).toEqual(['10.10.13.0/24 192.168.122.13']));
    await until(() => expect(world.kernel.links.has('cwyx.7')).toBe(false));
  });

  it('changes the dataplane on a restart, the new one first', async () => {
    await world.settled();
    await world.stop();
    const steps = stepsFromHere();
    void world.start({ dataplane: 'iptables' });
    await until(() => expect(world.rules()).toBe(''));
    expect(steps()).toEqual(['firewall-apply', 'firewall-clean']);
    expect(world.kernel.firewalls['iptables-nft'].ipv4.list()).toContain('CWY-SERVICES');
  });

  it('runs this host’s containers once their network is there, reports them, and tells of what moved', async () => {
    const container = { command: ['httpd'], files: {} };
    world.store.put(keys.container('web-1'), { ...container, name: 'web-1', host: 'host-1' });
    world.store.put(keys.container('web-2'), { ...container, name: 'web-2', host: 'host-2' });
    await world.settled();
    expect(world.wanted).toEqual([['web-1']]);
    await until(() => expect(world.store.dump()[keys.containerStatus('web-1')]).toContain('running'));
    world.told('container-moved', 'web-1 has another address');
    world.told('restart-needed', 'web-1 must be started again');
    await until(() => expect(world.events()).toEqual(['joined', 'container-moved', 'restart-needed']));
    world.store.remove(keys.container('web-1'));
    await until(() => expect(world.store.dump()[keys.containerStatus('web-1')]).toBeUndefined());
  });

  it('asks the endpoints that are its to ask, tells what it finds while it lives, and no longer', async () => {
    const health = { type: 'command', command: ['check'], intervalMs: 100, timeoutMs: 100, rise: 1, fall: 2 };
    const at = (container: string, last: number, checkedBy: string) =>
      resolved(`10.10.1.${last}`, 80, { container, checkedBy });
    const endpoints = [at('a', 2, 'host-1'), at('b', 3, 'host-1'), at('c', 4, 'host-2')];
    world.store.put(keys.serviceSpec('web'), { ...serviceSpec('web'), health });
    world.store.put(keys.serviceEndpoints('web'), { service: 'web', endpoints, unresolved: [] });
    for (const name of ['b', 'c']) world.exitCodes.set(name, 1);
    await world.settled();
    const record = () => JSON.parse(world.store.dump()[keys.health('host-1')] ?? '{}');
    const reason = 'running check: exit 1';
    const unhealthy = [{ service: 'web', portName: '', address: '10.10.1.3', port: 80, reason }];
    await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy, healthy: [] }));
    const leaseOf = async (key: string) => (await world.store.get(key))?.leaseId;
    const alive = await leaseOf(keys.alive('host-1'));
    expect(await leaseOf(keys.health('host-1'))).toBe(alive);
    world.store.expire(alive ?? '');
    await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy, healthy: [] }));
    expect(await leaseOf(keys.health('host-1'))).toBe(await leaseOf(keys.alive('host-1')));
    world.exitCodes.clear();
    await until(() => expect(record()).toEqual({ node: 'host-1', unhealthy: [], healthy: [] }));
    await world.stop();
    const written = world.store.written;
    world.exitCodes.set('a', 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([world.store.written, record().unhealthy]).toEqual([written, []]);
  });

  it('serves its health pages from before it has joined until it stops, and they tell the truth', async () => {
    const healthAddr = `127.0.0.1:${(await freePorts(1))[0]}`;
    const read = async (page: string) => {
      const answer = await fetch(`http://${healthAddr}${page}`);
      return { code: answer.status, lines: (await answer.text()).trimEnd().split('\n') };
    };
    world.store.fail('gone');
    void world.start({ healthAddr });
    await vi.waitFor(
      async () => {
        expect(await read('/readyz')).toEqual({
          code: 503,
          lines: [
            expect.stringMatching(/^\[-\]etcd failed: no word since the start: .*gone/),
            '[-]lease failed: this host has not joined the cluster yet',
            '[-]kernel failed: nothing has been applied yet',
            'readyz check failed',
          ],
        });
      },
      { timeout: 20_000 },
    );
    expect((await read('/healthz')).code).toBe(200);
    world.store.recover();
    world.store.put(keys.networkConfig, { Network: '10.10.0.0/16' });
    world.peer(12);
    await vi.waitFor(async () => expect((await read('/readyz')).lines).toEqual(['ok']), { timeout: 20_000 });
    expect((await read('/readyz?verbose')).lines).toEqual([
      expect.stringMatching(/^\[\+\]etcd ok: last word \d\.\d s ago$/),
      expect.stringMatching(/^\[\+\]lease 10\.10\.\d+\.0\/24 ok: 2[34] h \d+ min left$/),
      expect.stringMatching(/^\[\+\]sign of life ok: \d+(\.\d)? s left$/),
      expect.stringMatching(/^\[\+\]network ok: the kernel holds revision \d+$/),
      expect.stringMatching(/^\[\+\]firewall ok: the kernel holds revision \d+$/),
      '[+]peer 10.10.12.0/24 (192.168.122.12) ok: installed, direct',
      'readyz check passed',
    ]);
    world.store.put(keys.subnet({ ipv4: '10.10.14.0/24' }), { PublicIP: '1.2.3.4', BackendType: 'host-gw' });
    await vi.waitFor(
      async () =>
        expect((await read('/readyz')).lines).toContainEqual(
          expect.stringMatching(/^\[-\]peer 10\.10\.14\.0\/24 \(1\.2\.3\.4\) failed: /),
        ),
      { timeout: 20_000 },
    );
    world.store.fail('cut off');
    await vi.waitFor(
      async () =>
        expect((await read('/readyz')).lines[0]).toMatch(
          /^\[-\]etcd failed: last word \d\.\d s ago: .*cut off/,
        ),
      { timeout: 20_000 },
    );
    await world.stop();
    await expect(read('/healthz')).rejects.toThrow();
  });
});
