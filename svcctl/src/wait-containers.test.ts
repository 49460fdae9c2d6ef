import { describe, expect, it } from 'vitest';
import { useClient } from './support/client.ts';
import { waitForContainers, waitForFirstWords, waitForRemoval, waitForStops } from './wait-containers.ts';

const up = useClient();
const { controller } = up;
const patience = { timeoutMs: 20_000, onNote: () => undefined };
const hasty = { ...patience, timeoutMs: 500 };

const container = (name: string, status?: object) => ({ name, host: 'host-1', revision: 1, status });
const running = { state: 'running', address: '10.10.1.2', pid: 7, host: 'host-1' };

describe('waitForContainers', () => {
  it('returns when each of them runs, and not before', async () => {
    controller.list('/v1/containers', [container('web-1', running), container('web-2')]);
    let isOver = false;
    const waiting = waitForContainers(up.client, new Set(['web-1', 'web-2']), patience).then(() => {
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
    await expect(waitForContainers(up.client, new Set(['web-1']), patience)).rejects.toMatchObject({
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
    const waiting = waitForContainers(up.client, new Set(['web-1']), { ...patience, steadyMs: 20_000 });
    const over = waiting.catch((error: Error) => error.message);
    // It is seen to run, and looked at once more.
    await expect.poll(() => looks, { timeout: 20_000 }).toBe(2);
    controller.send('/v1/containers', 'modified', { ...web, status: { ...running, ...end, revision: 2 } });
    expect(await over).toBe(`container web-1 on host-1 ${sentence}`);
  });

  it('names those that are late', async () => {
    controller.list('/v1/containers', [container('web-1', running), container('web-2')]);
    await expect(waitForContainers(up.client, new Set(['web-1', 'web-2']), hasty)).rejects.toMatchObject({
      code: 'timeout',
      message: 'waiting for containers to run: not within 500 ms: web-2',
    });
  });
});

describe('waitForContainers, of several', () => {
  it('says of each what became of it, when all have come to something', async () => {
    const failed = { state: 'failed', host: 'host-1', reason: 'no such image' };
    controller.list('/v1/containers', [container('web-1', failed), container('web-2'), container('web-3')]);
    let isOver = false;
    const waiting = waitForContainers(up.client, new Set(['web-1', 'web-2', 'web-3']), patience).finally(
      () => {
        isOver = true;
      },
    );
    const faults = waiting.catch((error: AggregateError) => error.errors.map(({ message }) => message));
    await controller.watched('/v1/containers');
    expect(isOver).toBe(false);
    controller.send('/v1/containers', 'modified', container('web-2', { state: 'detached', host: 'host-1' }));
    // That it is tried again takes nothing of its failure away.
    controller.send('/v1/containers', 'modified', container('web-1', running));
    controller.send('/v1/containers', 'modified', container('web-3', running));
    expect(await faults).toEqual([
      'container web-1 on host-1 does not run: no such image',
      'container web-2 on host-1 is detached',
    ]);
  });
});

describe('waitForStops', () => {
  it('waits for the word of a host that has said nothing yet, and not for one that is gone', async () => {
    controller.list('/v1/containers', [container('web-1')]);
    let isOver = false;
    const waiting = waitForStops(up.client, new Set(['web-1', 'gone']), patience).then(() => {
      isOver = true;
    });
    await controller.watched('/v1/containers');
    expect(isOver).toBe(false);
    controller.send('/v1/containers', 'modified', container('web-1', { state: 'stopped' }));
    await waiting;
  });
});

describe('waitForFirstWords', () => {
  it('returns when hosts have said something of each that is there, whatever it is', async () => {
    controller.list('/v1/containers', [container('web-1', running), container('web-2')]);
    let isOver = false;
    const waiting = waitForFirstWords(up.client, new Set(['web-1', 'web-2', 'gone']), patience).then(() => {
      isOver = true;
    });
    await controller.watched('/v1/containers');
    expect(isOver).toBe(false);
    controller.send('/v1/containers', 'modified', container('web-2', { state: 'starting' }));
    await waiting;
  });

  it('names those of which nothing was said', async () => {
    controller.list('/v1/containers', [container('web-1')]);
    await expect(waitForFirstWords(up.client, new Set(['web-1']), hasty)).rejects.toMatchObject({
      code: 'timeout',
      message: 'waiting for hosts to hear of containers: not within 500 ms: web-1 on host-1',
    });
  });
});

describe('waitForRemoval', () => {
  const status = (name: string) => ({ name, host: 'host-1', state: 'running', revision: 1 });

  it('returns when no host says anything of them, and not before', async () => {
    controller.list('/v1/container-status', [status('web-1'), status('web-2')]);
    let isOver = false;
    const waiting = waitForRemoval(up.client, new Set(['web-1']), patience).then(() => {
      isOver = true;
    });
    await controller.watched('/v1/container-status');
    expect(isOver).toBe(false);
    controller.send('/v1/container-status', 'deleted', status('web-1'));
    await waiting;
  });

  it('names those that are left, and where', async () => {
    controller.list('/v1/container-status', [status('web-1')]);
    await expect(waitForRemoval(up.client, new Set(['web-1']), hasty)).rejects.toMatchObject({
      code: 'timeout',
      message: 'waiting for containers to be gone: not within 500 ms: web-1 on host-1',
    });
  });
});
