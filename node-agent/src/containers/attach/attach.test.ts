import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClaims } from './claims.ts';
import { createAttachWatch } from './watch.ts';

describe('a namespace that was given to a container', () => {
  it('is its own until the host is looked at again: then the number may be another one’s', () => {
    const claimsSince = createClaims();
    const [look, next] = [{}, {}];
    claimsSince(look).set(4026532500, 'db');
    expect(claimsSince(look).get(4026532500)).toBe('db');
    expect(claimsSince(next).get(4026532500)).toBeUndefined();
  });
});

describe('an engine', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-attach-'));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  it('is asked for what does not run, and no more once nobody wants that', async () => {
    const asked: string[] = [];
    const engine = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(404).end();
    });
    const dockerSocket = join(folder, 'docker.sock');
    await new Promise<void>((resolve) => engine.listen(dockerSocket, resolve));
    const watch = createAttachWatch({ dockerSocket, containerdDir: folder });
    const stop = watch.onNeed(() => undefined);
    try {
      for (const id of ['db', 'web']) watch.waits(id, { kind: 'docker', id });
      watch.keepOnly(new Set(['web']));
      await vi.advanceTimersByTimeAsync(1_000);
      await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0));
      expect(new Set(asked)).toEqual(new Set(['/containers/web/json']));
    } finally {
      stop();
      engine.close();
    }
  });
});
