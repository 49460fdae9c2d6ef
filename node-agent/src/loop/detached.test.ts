import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import { dropDetached } from './detached.ts';

const attached = (name: string, kind: 'docker' | 'pid' | 'netns'): ContainerSpec => ({
  ...{ name, host: 'host-1', command: [], files: {}, attach: { kind, id: name } },
  network: { kind: 'bridge', address: `10.10.1.${name.length}` },
});
const status = ({ name }: ContainerSpec, state: ContainerStatus['state']): ContainerStatus => ({
  ...{ name, host: 'host-1', state },
});

async function storeWith(...specs: ContainerSpec[]): Promise<FakeStore> {
  const store = fakeStore();
  for (const spec of specs) {
    await store.transaction([], [{ put: keys.container(spec.name), value: encode(spec) }]);
    if (spec.network?.kind !== 'bridge' || spec.network.address === undefined) continue;
    await store.transaction([], [{ put: keys.containerAddress(spec.network.address), value: spec.name }]);
  }
  return store;
}

describe('a container of others that has ended', () => {
  const all = [attached('d', 'docker'), attached('pp', 'pid'), attached('nnn', 'netns')];

  it('is forgotten with its chosen address when nobody can start it again', async () => {
    const store = await storeWith(...all);
    const states = all.map((spec) => status(spec, 'detached'));
    expect(await dropDetached(store, all, states)).toEqual(['pp', 'nnn']);
    const left = await store.list('/causeway/v1/container');
    expect(left.items.map(({ key }) => key)).toEqual([
      keys.containerAddress('10.10.1.1'),
      keys.container('d'),
    ]);
  });

  it('stays while it runs, and when it was defined anew in the meantime', async () => {
    const [, pid, netns] = all as [ContainerSpec, ContainerSpec, ContainerSpec];
    const store = await storeWith(pid, { ...netns, attach: { kind: 'netns', id: '/run/netns/other' } });
    const states = [status(pid, 'running'), status(netns, 'detached')];
    expect(await dropDetached(store, [pid, netns], states)).toEqual([]);
    expect((await store.list(keys.containerPrefix)).items).toHaveLength(2);
  });

  it('leaves an address that is another’s by now', async () => {
    const [, pid] = all as [ContainerSpec, ContainerSpec];
    const store = await storeWith(pid);
    await store.transaction([], [{ put: keys.containerAddress('10.10.1.2'), value: 'somebody' }]);
    expect(await dropDetached(store, [pid], [status(pid, 'detached')])).toEqual(['pp']);
    expect(await store.get(keys.containerAddress('10.10.1.2'))).toBeDefined();
  });
});
