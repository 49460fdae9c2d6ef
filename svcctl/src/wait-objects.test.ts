import { describe, expect, it } from 'vitest';
import type { ServiceView } from './api.ts';
import { useClient } from './support/client.ts';
import { service } from './support/fake-controller.ts';
import { waitForHealth, waitForTargets } from './wait-objects.ts';

const up = useClient();
const { controller } = up;
const patience = { timeoutMs: 20_000, onNote: () => undefined };
const hasty = { ...patience, timeoutMs: 500 };

describe('waitForHealth', () => {
  const health = { type: 'tcp', intervalMs: 1_000, timeoutMs: 100, rise: 1, fall: 3 } as const;
  const web = (ready: number) =>
    service('web', { health, status: { endpoints: 1, ready, unresolved: [] } }) as ServiceView;
  const reason = 'connecting to port 12345: ECONNREFUSED';
  const endpoint = { ...{ portName: '', address: '10.10.1.2', port: 12345, ref: 'a' }, revision: 42, reason };

  it('returns the revision at which an endpoint was healthy', async () => {
    controller.list('/v1/services', [web(0)]);
    controller.list('/v1/services/web/endpoints', [endpoint]);
    const over = waitForHealth(up.client, web(0), patience);
    await controller.watched('/v1/services');
    controller.send('/v1/services', 'modified', web(1));
    expect(await over).toBe(42);
  });

  it('says why none is, and asks nobody where there is no check', async () => {
    expect(await waitForHealth(up.client, service('web') as ServiceView, patience)).toBe(0);
    expect(controller.asked).toEqual([]);
    controller.list('/v1/services', [web(0)]);
    controller.list('/v1/services/web/endpoints', [endpoint]);
    const notes: string[] = [];
    const onNote = (sentence: string) => notes.push(sentence);
    expect(await waitForHealth(up.client, web(0), { ...hasty, onNote })).toBe(42);
    expect(notes).toEqual([`no endpoint of service "web" is healthy: 10.10.1.2:12345: ${reason}`]);
  });
});

describe('waitForTargets', () => {
  const endpoint = (ref: string, revision: number) => ({
    ...{ service: 'web', portName: '', address: '10.10.1.2', port: 12345, ref, revision },
  });
  const waiting = 'container "web-1" has not started on host-1 yet';
  const web = (...unresolved: readonly string[]) =>
    service('web', { status: { endpoints: 1, ready: 1, unresolved } });
  const target = { service: 'web', name: 'web-1' };

  it('returns the revision at which the target was found', async () => {
    controller.list('/v1/services', [web(waiting)]);
    controller.list('/v1/services/web/endpoints', [endpoint('web-1:12345', 42)]);
    const over = waitForTargets(up.client, [target], patience);
    await controller.watched('/v1/services');
    controller.send('/v1/services', 'modified', web());
    expect(await over).toBe(42);
  });

  it('ends where two targets lead to one place, whatever else leads nowhere', async () => {
    controller.list('/v1/services', [web('there is no container or workload "gone"')]);
    controller.list('/v1/services/web/endpoints', [endpoint('10.10.1.2:12345', 3)]);
    expect(await waitForTargets(up.client, [target, { ...target, name: 'web-2' }], patience)).toBe(3);
  });

  it('says of targets that lead nowhere why', async () => {
    controller.list('/v1/services', [web(waiting)]);
    await expect(waitForTargets(up.client, [target], hasty)).rejects.toMatchObject({
      message: `waiting for endpoints: not within 500 ms: service web: ${waiting}`,
    });
  });

  it('asks nobody when there is nothing to wait for', async () => {
    expect(await waitForTargets(up.client, [], hasty)).toBe(0);
    expect(controller.asked).toEqual([]);
  });
});
