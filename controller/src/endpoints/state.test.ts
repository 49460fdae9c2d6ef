import type { ServiceSpec } from '@causeway/shared/model/service';
import { describe, expect, it } from 'vitest';
import { NOW, places, service } from '../../../test/support/places.ts';
import { checkerOf } from './checker.ts';
import type { Places } from './places.ts';
import { nextDeadline, resolve } from './resolve.ts';

describe('a drained endpoint', () => {
  const until = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

  it('says so, and leaves when its deadline has passed, however else it is found', () => {
    const spec = service(
      [
        { to: '10.10.1.5:1', drain: {} },
        { to: '10.10.1.6:1', drain: { until: until(60) } },
        { to: '10.10.1.2:8088', drain: { until: until(0) } },
      ],
      { selector: { tier: 'a' } },
    );
    const { endpoints, unresolved } = resolve(spec, places);
    expect(endpoints).toMatchObject([
      { address: '10.10.1.5', state: 'draining', reason: 'it is being drained' },
      { address: '10.10.1.6', state: 'draining', drainUntil: until(60) },
    ]);
    expect(unresolved).toEqual([`"10.10.1.2:8088" was drained until ${until(0)}, and has left`]);
    expect(nextDeadline(spec, NOW)).toBe(NOW + 60_000);
    expect(nextDeadline(spec, NOW + 60_000)).toBeUndefined();
    expect(resolve(spec, { ...places, now: NOW + 60_000 }).endpoints).toHaveLength(1);
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
    const complaint: Places['complaint'] = (host, name, { address }) =>
      host === 'host-1' && name === 's' && address === '10.10.1.2' ? `${'x'.repeat(200)}` : undefined;
    const health = { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, rise: 1, fall: 3 } as const;
    expect(states(service(['web-1', '10.10.1.7'], { health }), { complaint })).toEqual([
      ['unready', `${'x'.repeat(120)}…`],
      ['ready', undefined],
    ]);
    expect(states(service(['web-1']), { complaint })).toEqual([['ready', undefined]]);
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
