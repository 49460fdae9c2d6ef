import { openEtcdStore } from '@causeway/shared/store/etcd';
import { withPrefix } from '@causeway/shared/store/etcd-prefix';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { fakeStore } from '../support/fake-store.ts';
import { follow } from '../support/store.ts';

let etcd: TestEtcd;
const open: Store[] = [];

beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  for (const store of open) store.close();
  await etcd?.stop();
});

const ETCD = {
  name: 'a real etcd',
  world: () => (prefix?: string) => {
    const store = openEtcdStore({ endpoints: [etcd.endpoint], ...(prefix === undefined ? {} : { prefix }) });
    open.push(store);
    return store;
  },
};
const FAKE = {
  name: 'the fake',
  world: () => {
    const store = fakeStore();
    return (prefix?: string) => (prefix === undefined ? store : withPrefix(store, prefix));
  },
};
const lease = keys.subnet({ ipv4: '10.10.1.0/24' });
const claim = keys.claim('10.10.1.0/24');

describe.each([ETCD, FAKE])('networks of one etcd, in $name', ({ world }) => {
  it('do not see each other, whatever they are called', async () => {
    const at = world();
    const stores = [
      at(),
      at('/coreos.com/network2'),
      at('/coreos.com/network/b'),
      at('net'),
      at('/net'),
      at('/n&1/x'),
    ];
    const followed = stores.map((store) => ({
      network: follow(store, keys.subnetPrefix),
      claims: follow(store, keys.claimPrefix),
    }));
    for (const [i, store] of stores.entries()) {
      const written = await store.transaction(
        [
          { key: lease, absent: true },
          { key: claim, absent: true },
        ],
        [
          { put: lease, value: `lease ${i}` },
          { put: claim, value: `claim ${i}` },
        ],
      );
      expect(written.ok).toBe(true);
    }
    for (const [i, store] of stores.entries()) {
      expect((await store.list(keys.subnetPrefix)).items.map((kv) => [kv.key, kv.value])).toEqual([
        [lease, `lease ${i}`],
      ]);
      expect((await store.get(claim))?.value).toBe(`claim ${i}`);
      await followed[i]?.network.holds({ [lease]: `lease ${i}` });
      await followed[i]?.claims.holds({ [claim]: `claim ${i}` });
    }
    for (const store of stores) await store.transaction([], [{ delete: lease }, { delete: claim }]);
    for (const { network } of followed) await network.holds({});
  });

  it('guards and deletes its own key', async () => {
    const at = world();
    const [plain, other] = [at(), at('/guards')];
    await plain.transaction([], [{ put: keys.networkConfig, value: 'plain' }]);
    await other.transaction([], [{ put: keys.networkConfig, value: 'other' }]);
    const { modRevision = 0 } = (await other.get(keys.networkConfig)) ?? {};
    const { ok } = await other.transaction(
      [
        { key: keys.networkConfig, value: 'other' },
        { key: keys.networkConfig, present: true },
        { key: keys.networkConfig, modRevision },
      ],
      [{ delete: keys.networkConfig }],
    );
    expect([ok, await other.get(keys.networkConfig)]).toEqual([true, undefined]);
    expect((await plain.get(keys.networkConfig))?.value).toBe('plain');
  });

  it('hands out the key as the code knows it, with the one that etcd has', async () => {
    const at = world();
    const store = at('/names');
    const followed = follow(store, keys.networkPrefix);
    await followed.isConnected();
    await store.transaction([], [{ put: lease, value: 'v' }]);
    await followed.holds({ [lease]: 'v' });
    const names = { key: lease, storedKey: '/names/subnets/10.10.1.0-24' };
    expect(await store.get(lease)).toMatchObject(names);
    expect((await store.list(keys.networkPrefix)).items).toEqual([expect.objectContaining(names)]);
    const state = followed.states.at(-1);
    expect(state).toMatchObject({ storedPrefix: '/names/', changed: [lease] });
    expect(state?.items.get(lease)).toMatchObject(names);
    // Beside the keys of flannel's network, not below them, where a watch of that network would bring them too.
    await store.transaction([], [{ put: claim, value: 'id' }]);
    expect((await at().get('/causeway/networks/%2Fnames/v1/claims/10.10.1.0-24'))?.value).toBe('id');
  });

  it('keeps the object of what did not change', async () => {
    const store = world()('/same');
    await store.transaction([], [{ put: lease, value: 'v' }]);
    const followed = follow(store, keys.networkPrefix);
    await followed.isConnected();
    await store.transaction([], [{ put: keys.networkConfig, value: 'c' }]);
    await followed.holds({ [lease]: 'v', [keys.networkConfig]: 'c' });
    const [first, second] = followed.states.map((state) => state.items.get(lease));
    expect(second).toBe(first);
  });
});

describe.each([ETCD, FAKE])('a neighbour of our keys, in $name', ({ world }) => {
  it.each([
    '/coreos.com/network2/subnets/10.10.9.0-24',
    '/coreos.com/network/subnetsX/10.10.9.0-24',
    '/coreos.com/network/subnets',
    '/causeway/v10/claims/10.10.9.0-24',
  ])('never matches: %s', async (neighbour) => {
    const store = world()();
    const followed = [keys.networkPrefix, keys.subnetPrefix, keys.claimPrefix].map((prefix) =>
      follow(store, prefix),
    );
    for (const one of followed) await one.isConnected();
    await store.transaction([], [{ put: neighbour, value: 'x' }]);
    expect((await store.list(keys.subnetPrefix)).items.map((kv) => kv.key)).not.toContain(neighbour);
    await store.transaction(
      [],
      [
        { put: `${keys.subnetPrefix}last`, value: 'y' },
        { put: claim, value: 'y' },
      ],
    );
    const [, subnets, claims] = followed;
    await subnets?.holds({ [`${keys.subnetPrefix}last`]: 'y' });
    await claims?.holds({ [claim]: 'y' });
    await store.transaction(
      [],
      [neighbour, `${keys.subnetPrefix}last`, claim].map((key) => ({ delete: key })),
    );
  });
});
