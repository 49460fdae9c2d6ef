import { keys } from '@causeway/shared/store/keys';
import { expect, it } from 'vitest';
import { fakeStore } from '../../../test/support/fake-store.ts';
import { neededImages } from './collector.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

it('needs what has a name, what containers anywhere are made of, and what this host has one of still', async () => {
  const store = fakeStore();
  const [named, elsewhere, here] = [digest('a'), digest('b'), digest('c')];
  store.put(keys.image('web'), { name: 'web', digest: named, size: 1, createdAt: '2026-01-01T00:00:00Z' });
  const container = { name: 'web-1', host: 'host-2', command: ['httpd'], files: {} };
  store.put(keys.container('web-1'), { ...container, image: { name: 'web', digest: elsewhere } });
  // Its definition was deleted while this host's agent was away.
  const usedHere = async () => [{ name: 'old', digest: here }, { name: 'busybox' }];
  expect([...((await neededImages(store, usedHere)) ?? [])].sort()).toEqual([named, elsewhere, here]);

  const unknown = () => Promise.reject(new Error('the disk cannot be read'));
  await expect(neededImages(store, unknown)).rejects.toThrow('the disk cannot be read');
});
