import type { EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { describe, expect, it } from 'vitest';
import { NOW, places, service } from '../../../test/support/places.ts';
import { checkerOf } from './checker.ts';
import type { Places } from './places.ts';
import { nextDeadline, resolve } from './resolve.ts';

describe('a drained endpoint', () => {
  const until = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

  it('says so, and that its drain is over when its deadline has passed, however else it is found', () => {
    const spec = service(
      [
        { to: '10.10.1.5:1', drain: {} },
        { to: '10.10.1.6:1', drain: { until: until(60) } },
        'web-1',
        { to: '10.10.1.2:8088', drain: { until: until(0) } },
      ],
      { selector: { tier: 'a' } },
    );
    const { endpoints, unresolved } = resolve(spec, places);
    expect(endpoints).toMatchObject([
      { address: '10.10.1.2', state: 'drained', reason: `the deadline of its drain, ${until(0)}, is over` },
      { address: '10.10.1.5', state: 'draining', reason: 'it is being drained' },
      { address: '10.10.1.6', state: 'draining', drainUntil: until(60) },
    ]);
    expect(unresolved).toEqual([]);
    expect(nextDeadline(spec, undefined, NOW)).toBe(NOW + 60_000);
    expect(nextDeadline(spec, undefined, NOW + 60_000)).toBeUndefined();
    const states = resolve(spec, { ...places, now: NOW + 60_000 }).endpoints.map(({ state }) => state);
    expect(states).toEqual(['drained', 'draining', 'drained']);
  });

  it('of which it is stored that its drain is over stays so by a slower clock, for that deadline alone', () => {
    const drained = (seconds: number) => service([{ to: 'web-1', drain: { until: until(seconds) } }]);
    const stored = resolve(drained(60), { ...places, now: NOW + 60_000 });
    expect(stored.endpoints).toMatchObject([{ state: 'drained' }]);
    expect(resolve(drained(60), places, stored)).toEqual(stored);
    expect(resolve(drained(90), places, stored).endpoints).toMatchObject([{ state: 'draining' }]);
    const back = resolve(service(['web-1']), places, stored).endpoints[0];
    expect([back?.state, back?.reason, back?.drainUntil]).toEqual([undefined, undefined, undefined]);
  });

  it('takes nothing when its drain is over, though its host is dead', () => {
    const dead = { ...places, isAlive: () => false };
    const { endpoints } = resolve(service([{ to: 'web-1', drain: { until: until(0) } }]), dead);
    expect(endpoints).toMatchObject([{ state: 'drained' }]);
  });

  it('that is dead is no last resort', () => {
    const dead = { ...places, isAlive: (host: string) => host !== 'host-1' };
    const { endpoints } = resolve(service([{ to: 'web-1', drain: { until: until(9) } }]), dead);
    expect(endpoints).toMatchObject([{ state: 'unready', drainUntil: until(9) }]);
  });
});

describe('an endpoint is unready', () => {
  const states = (spec: ServiceSpec, changed: Partial<Places>) =>
    resolve(spec, { ...places, ...changed }).endpoints.map(({ state = 'ready', reason }) => [state, reason]);

  it('when its host is dead, if that is one of ours', () => {
    const isAlive = () => false;
    const spec = service(['web-1', '10.10.1.7', '10.10.2.7', '203.0.113.7']);
    expect(states(spec, { isAlive })).toEqual([
      ['unready', 'its host "host-1" is not alive'],
      ['unready', 'its host "host-1" is not alive'],
      ['ready', undefined],
      ['ready', undefined],
    ]);
    expect(states(service(['10.10.1.7']), { isAlive, isHost: () => false })).toEqual([['ready', undefined]]);
  });

  it('when the host that asks for its health says so, and health is asked for', () => {
    const verdict: Places['verdict'] = (host, name, { address }) =>
      host === 'host-1' && name === 's' && address === '10.10.1.2'
        ? { complaint: 'x'.repeat(200) }
        : 'healthy';
    const health = { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
    expect(states(service(['web-1', '10.10.1.7'], { health }), { verdict })).toEqual([
      ['unready', `${'x'.repeat(120)}…`],
      ['ready', undefined],
    ]);
    expect(states(service(['web-1']), { verdict })).toEqual([['ready', undefined]]);
  });
});

describe('an endpoint of which its asker has not said a word', () => {
  const health = { type: 'http', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
  const spec = service(['203.0.113.7'], { health });
  const silent = { ...places, verdict: () => undefined };
  const later = (seconds: number) => ({ ...silent, now: NOW + seconds * 1000 });
  const only = (set: EndpointSet) => set.endpoints[0];
  const told = (set: EndpointSet, verdict: Places['verdict']) =>
    only(resolve(spec, { ...silent, verdict }, set));
  const bad = () => ({ complaint: 'it answered 503' });

  it('waits for the first word if it is new, but not for ever if nobody can ask', () => {
    const first = resolve(spec, silent);
    const until = new Date(NOW + 30_000).toISOString();
    const waiting = { state: 'unready', reason: 'it has not been asked yet', unaskedUntil: until };
    expect(only(first)).toMatchObject(waiting);
    expect(nextDeadline(spec, first, NOW)).toBe(NOW + 30_000);
    expect(resolve(spec, later(29), first)).toEqual(first);
    const over = resolve(spec, later(30), first);
    expect([only(over)?.state, only(over)?.unaskedUntil]).toEqual([undefined, undefined]);
    // Whoever has a slower clock goes by what is stored.
    expect(resolve(spec, later(0), over)).toEqual(over);
    expect(told(first, () => 'healthy')?.state).toBeUndefined();
    expect(told(first, bad)).toMatchObject({ state: 'unready', reason: 'it answered 503' });
    expect(told(first, bad)?.unaskedUntil).toBeUndefined();
  });

  it('stays what it is stored as, however long, when another host is to ask', () => {
    const unready = resolve(spec, { ...places, verdict: bad });
    const others = ['host-1', 'host-2', 'host-3'].filter((host) => host !== only(unready)?.checkedBy);
    const moved = resolve(spec, { ...later(3600), liveHosts: () => others }, unready);
    expect(only(moved)).toMatchObject({ state: 'unready', reason: 'it answered 503' });
    expect(others).toContain(only(moved)?.checkedBy);
    expect(only(resolve(spec, { ...silent, liveHosts: () => [] }, unready))?.state).toBe('unready');
    const ready = resolve(spec, places);
    expect(only(resolve(spec, { ...silent, liveHosts: () => others }, ready))?.state).toBeUndefined();
  });

  it('is asked anew when its host comes back, and by nobody where a command has no container', () => {
    const mine = service(['web-1'], { health });
    const dead = resolve(mine, { ...silent, isAlive: () => false }, resolve(mine, places));
    expect(only(dead)?.reason).toBe('its host "host-1" is not alive');
    expect(only(resolve(mine, silent, dead))?.reason).toBe('it has not been asked yet');
    const unready = resolve(spec, { ...places, verdict: bad });
    const command = { ...spec, health: { ...health, type: 'command', command: ['true'] } } as const;
    expect(only(resolve(command, silent, unready))?.state).toBeUndefined();
  });
});

describe('the host that asks', () => {
  const health = { type: 'http', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
  const askers = (spec: ServiceSpec, changed: Partial<Places> = {}) =>
    resolve(spec, { ...places, ...changed }).endpoints.map(({ checkedBy }) => checkedBy);
  const outside = Array.from({ length: 90 }, (_, n) => `203.0.113.${n + 1}`);

  it("is the endpoint's own, and nobody where no health is asked for", () => {
    expect(askers(service(['web-1', '10.10.1.7'], { health }))).toEqual(['host-1', 'host-1']);
    expect(askers(service(['web-1', '203.0.113.7']))).toEqual([undefined, undefined]);
  });

  it('is a live one for what is on none of ours; one that comes or goes moves its own alone', () => {
    const before = askers(service(outside, { health }));
    for (const host of ['host-1', 'host-2', 'host-3'])
      expect(before.filter((one) => one === host).length).toBeGreaterThan(15);
    const after = askers(service(outside, { health }), { liveHosts: () => ['host-3', 'host-1'] });
    expect(after).not.toContain('host-2');
    for (const [n, host] of before.entries()) if (host !== 'host-2') expect(after[n]).toBe(host);
    expect(checkerOf('203.0.113.1:80', ['c', 'b', 'a'])).toBe(checkerOf('203.0.113.1:80', ['a', 'b', 'c']));
    expect(askers(service(['203.0.113.7'], { health }), { liveHosts: () => [] })).toEqual([undefined]);
  });

  it('is nobody for a command where there is no container', () => {
    const command = { ...health, type: 'command', command: ['true'] } as const;
    expect(askers(service(['web-1', '10.10.1.7', '203.0.113.7'], { health: command }))).toEqual([
      'host-1',
      undefined,
      undefined,
    ]);
  });
});
