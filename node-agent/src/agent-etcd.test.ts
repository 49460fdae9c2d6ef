import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgentWorld, NETWORK, until } from '../../test/support/agent-world.ts';

const HOUR_MS = 3_600_000;
/** A look at everything is the rarer the longer the last one took. */
const PATIENT_MS = 25_000;

let world: AgentWorld;

beforeEach(() => {
  world = new AgentWorld();
});
afterEach(async () => {
  await world.close();
  vi.useRealTimers();
});

const withoutRoutes = () =>
  world.kernel.disturb('network', () => {
    world.kernel.routes = world.kernel.routes.filter((route) => route.protocol !== 88);
  });
/** What an agent holds of its kernel. */
const kernelState = () =>
  structuredClone([world.kernel.routes, [...world.kernel.links], [...world.kernel.sysctls], world.rules()]);

describe('without etcd, an agent', () => {
  it('keeps everything and goes on repairing, and catches up when etcd is back', async () => {
    await world.settled();
    world.store.fail('gone');
    withoutRoutes();
    await until(() => expect(world.routes()).toEqual(['10.10.12.0/24 192.168.122.12']));
    world.store.recover();
    world.peer(13);
    await until(() => expect(world.routes()).toHaveLength(2));
    await until(() => expect(world.report().repairs).toBe(1));
  });

  it('writes again what etcd has lost meanwhile, as soon as it is back', async () => {
    await world.settled();
    world.store.fail('gone');
    const lost = [keys.alive('host-1'), keys.node('host-1'), keys.report('host-1')];
    for (const key of lost) world.store.remove(key);
    world.store.recover();
    await until(() => expect(lost.filter((key) => world.store.dump()[key] === undefined)).toEqual([]));
  });

  it('touches nothing after a restart until etcd has been read once', async () => {
    await world.settled();
    await world.stop();
    world.kernel.routes = world.kernel.routes.filter((route) => route.protocol !== 88);
    const before = kernelState();
    world.store.fail('gone');
    world.looks.length = 0;
    const asked = vi.spyOn(world.store, 'grantLease');
    void world.start();
    await until(() => expect(asked.mock.calls.length).toBeGreaterThanOrEqual(2));
    expect([kernelState(), world.looks]).toEqual([before, []]);
    world.store.recover();
    await until(() => expect(world.routes()).toHaveLength(1));
  });
});

describe('a wall clock that is stepped', () => {
  it.each([
    ['forwards', HOUR_MS],
    ['backwards', -HOUR_MS],
  ])('an hour %s changes nothing but the time in what is written', async (_, step) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await world.settled();
    const before = kernelState();
    const record = world.record();
    const { written } = world.store;
    vi.setSystemTime(Date.now() + step);
    const revision = world.expose('web', '2.2.2.2');
    await until(() => expect(world.report().servicesRevision).toBeGreaterThanOrEqual(revision));
    expect(Math.abs(Date.parse(world.report().at ?? '') - Date.now())).toBeLessThan(60_000);
    withoutRoutes();
    await until(() => expect(world.routes()).toHaveLength(1));
    world.store.remove(keys.serviceEndpoints('web'));
    world.store.remove(keys.serviceSpec('web'));
    await until(() => expect(world.rules()).not.toContain('2.2.2.2'));
    vi.setSystemTime(Date.now() - step);
    world.peer(13);
    await until(() => expect(world.routes()).toHaveLength(2));
    world.store.remove(keys.subnet({ ipv4: '10.10.13.0/24' }));
    await until(() => expect(world.routes()).toHaveLength(1));
    expect(kernelState()).toEqual(before);
    expect([world.record(), world.events(), world.report().problems]).toEqual([record, ['joined'], []]);
    // Nothing is written over and over because of a time that lies ahead or behind.
    expect(world.store.written).toBeLessThan(written + 15);
  });
});

describe('what others spoil in etcd', () => {
  it('changes nothing of what stands; the own lease is written again', async () => {
    world.store.put(keys.container('web-1'), { name: 'web-1', host: 'host-1', command: ['x'], files: {} });
    await world.settled();
    const revision = world.expose('web', '2.2.2.2');
    await until(() => expect(world.report().servicesRevision).toBeGreaterThanOrEqual(revision));
    const record = world.store.dump()[keys.node('host-1')];
    const own = keys.subnet({ ipv4: world.record().ipv4?.subnet ?? '' });
    const good = world.store.dump()[own];
    const before = kernelState();
    const others = [
      ...[keys.serviceSpec('web'), keys.serviceEndpoints('web'), keys.container('web-1')],
      ...[keys.networkConfig, keys.settings, keys.subnet({ ipv4: '10.10.12.0/24' })],
    ];
    for (const key of others) world.store.put(key, 'x');
    await until(() => expect(world.report().problems).toHaveLength(others.length));
    world.store.put(keys.networkConfig, NETWORK);
    world.store.put(own, 'x');
    await until(() => expect(world.store.dump()[own]).toBe(good));
    await until(() => expect(world.report().problems).toHaveLength(others.length - 1));
    expect(kernelState()).toEqual(before);
    expect(world.store.dump()[keys.node('host-1')]).toBe(record);
    expect(world.wanted.every((names) => names.join() === 'web-1')).toBe(true);
  });

  it.each(['garbage', 'gone'])(
    'is written again when it is what the agent said of itself: %s',
    async (what) => {
      await world.settled({ resyncSeconds: '1' });
      for (const key of [keys.report('host-1'), keys.node('host-1'), keys.alive('host-1')]) {
        const before = world.store.dump()[key];
        expect(before).toBeDefined();
        if (what === 'gone') world.store.remove(key);
        else world.store.put(key, 'x');
        await until(
          () => expect(world.store.dump()[key]?.slice(0, 40)).toBe(before?.slice(0, 40)),
          PATIENT_MS,
        );
      }
      // The last of them may draw more reports after it; at last a whole resync goes by without a write.
      const isQuiet = async () => {
        const { written } = world.store;
        world.looks.length = 0;
        const full = () => world.looks.filter((look) => look.network !== undefined).length;
        await until(() => expect(full()).toBeGreaterThan(1), PATIENT_MS);
        return world.store.written === written;
      };
      for (let tries = 1; !(await isQuiet()); tries++) expect(tries).toBeLessThan(6);
    },
    150_000,
  );
});
