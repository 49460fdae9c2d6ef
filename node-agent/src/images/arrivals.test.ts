import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createArrivals } from './arrivals.ts';
import { createGate } from './gate.ts';
import { storePlaces } from './places.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-arrivals-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('says why an image was refused, also where what came of it cannot be cleared', async () => {
  const clear = vi.fn(() => Promise.reject(new Error('the disk is gone')));
  const arrivals = createArrivals({
    ...{ places: storePlaces(dir), gate: createGate(), maxBytes: 1, onArrival: () => {}, clear },
    fetcher: { fetch: async () => {} },
    installer: { install: () => Promise.reject(new CausewayError('invalid', 'its layer is evil')) },
  });
  await expect(arrivals.take(async () => 'sha256:0')).rejects.toThrow('its layer is evil');
  expect(clear).toHaveBeenCalledOnce();
});
