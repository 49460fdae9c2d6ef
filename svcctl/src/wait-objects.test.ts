import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceView } from './api.ts';
import { Client } from './client/client.ts';
import { parseServer } from './client/discover.ts';
import { FakeController, service } from './support/fake-controller.ts';
import { waitForContainers, waitForHealth, waitForRemoval, waitForTargets } from './wait-objects.ts';

let controller: FakeController;
let client: Client;
const patience = { timeoutMs: 20_000, onNote: () => undefined };
const hasty = { ...patience, timeoutMs: 500 };

beforeEach(async () => {
  controller = new FakeController();
  client = new Client(parseServer('server', await controller.start()));
});
afterEach(() => controller.stop());

const container = (name: string, status?: object) => ({ name, host: 'host-1', revision: 1, status });
const running = { state: 'running', address: '10.10.1.2', pid: 7, host: 'host-1' };

describe('waitForContainers', () => {
  it('returns when each of them runs, and not before', async () => {
    controller.list('/v1/containers', [container('web-1', running), container('web-2')]);
    let isOver = false;
    const waiting = waitForContainers(client, new Set(['web-1', 'web-2']), patience).then(() => {
      isOver = true;
    });
    await controller.watched('/v1/containers');
    expect(isOver).toBe(false);
    controller.send('/v1/containers', 'modified', container('web-2', running));
    await waiting;
  });

  it('says why one does not run', async () => {
    const failed = { state: 'failed', host: 'host-1', reason: 'no such program: httpdd' };
    controller.list('/v1/containers', [container('web-1', failed)]);
    await expect(waitForContainers(client, new Set(['web-1']), patience)).rejects.toMatchObject({
      code: 'degraded',
      message: 'container web-1 on host-1 does not run: no such program: httpdd',
    });
  });

  it.each([
    [{ state: 'exited', exitCode: 7 }, 'has ended with exit code 7'],
    [
      { state: 'failed', reason: 'it ended with 7; failed once' },
      'does not run: it ended with 7; failed once',
    ],
  ])('says of one that runs for a moment only that it is %j', async (end, sentence) => {
    const web = { ...container('web-1'), revision: 0 };
    controller.list('/v1/containers', [{ ...web, status: { ...running, revision: 1 } }]);
    let looks = 0;
    controller.on(({ path }) => {
      if (path === '/v1/containers') looks += 1;
      return undefined;
    });
    const waiting = waitForContainers(client, new Set(['web-1']), { ...patience, steadyMs: 20_000 });
    const over = waiting.catch((error: Error) => error.message);
    // It is seen to run, and looked at once more.
    await expect.poll(() => looks, { timeout: 20_000 }).toBe(2);
    controller.send('/v1/containers', 'modified', { ...web, status: { ...running, ...end, revision: 2 } });
    expect(await over).toBe(`container web-1 on host-1 ${sentence}`);
  });

  it('names those that are late', async () => {
    controller.list('/v1/containers', [container('web-1', running), container('web-2')]);
    await expect(waitForContainers(client, new Set(['web-1', 'web-2']), hasty)).rejects.toMatchObject({
      code: 'timeout',
      message: 'waiting for containers to run: not within 500 ms: web-2',
    });
  });
});

describe('waitForRemoval', () => {
  const status = (name: string) => ({ name, host: 'host-1', state: 'running', revision: 1 });

  it('returns when no host says anything of them, and not before', async () => {
    controller.list('/v1/container-status', [status('web-1'), status('web-2')]);
    let isOver = false;
    const waiting = waitForRemoval(client, new Set(['web-1']), patience).then(() => {
      isOver = true;
    });
    await controller.watched('/v1/container-status');
    expect(isOver).toBe(false);
    controller.send('/v1/container-status', 'deleted', status('web-1'));
    await waiting;
  });

  it('names those that are left, and where', async () => {
    controller.list('/v1/container-status', [status('web-1')]);
    await expect(waitForRemoval(client, new Set(['web-1']), hasty)).rejects.toMatchObject({
      code: 'timeout',
      message: 'waiting for containers to be gone: not within 500 ms: web-1 on host-1',
    });
  });
});

describe('waitForHealth', () => {
  const health = { type: 'tcp', intervalMs: 1_000, timeoutMs: 100, rise: 1, fall: 3 } as const;
  const web = (ready: number) =>
    service('web', { health, status: { endpoints: 1, ready, unresolved: [] } }) as ServiceView;
  const reason = 'connecting to port 12345: ECONNREFUSED';
  const endpoint = { ...{ portName: '', address: '10.10.1.2', port: 12345, ref: 'a' }, revision: 42, reason };

  it('returns the revision at which an endpoint was healthy', async () => {
    controller.list('/v1/services', [web(0)]);
    controller.list('/v1/services/web/endpoints', [endpoint]);
    const over = waitForHealth(client, web(0), patience);
    await controller.watched('/v1/services');
    controller.send('/v1/services', 'modified', web(1));
    expect(await over).toBe(42);
  });

  it('says why none is, and asks nobody where there is no check', async () => {
    expect(await waitForHealth(client, service('web') as ServiceView, patience)).toBe(0);
    expect(controller.asked).toEqual([]);
    controller.list('/v1/services', [web(0)]);
    controller.list('/v1/services/web/endpoints', [endpoint]);
    const notes: string[] = [];
    const onNote = (sentence: string) => notes.push(sentence);
    expect(await waitForHealth(client, web(0), { ...hasty, onNote })).toBe(42);
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
    const over = waitForTargets(client, [target], patience);
    await controller.watched('/v1/services');
    controller.send('/v1/services', 'modified', web());
    expect(await over).toBe(42);
  });

  it('ends where two targets lead to one place, whatever else leads nowhere', async () => {
    controller.list('/v1/services', [web('there is no container or workload "gone"')]);
    controller.list('/v1/services/web/endpoints', [endpoint('10.10.1.2:12345', 3)]);
    expect(await waitForTargets(client, [target, { ...target, name: 'web-2' }], patience)).toBe(3);
  });

  it('says of targets that lead nowhere why', async () => {
    controller.list('/v1/services', [web(waiting)]);
    await expect(waitForTargets(client, [target], hasty)).rejects.toMatchObject({
      message: `waiting for endpoints: not within 500 ms: service web: ${waiting}`,
    });
  });

  it('asks nobody when there is nothing to wait for', async () => {
    expect(await waitForTargets(client, [], hasty)).toBe(0);
    expect(controller.asked).toEqual([]);
  });
});
