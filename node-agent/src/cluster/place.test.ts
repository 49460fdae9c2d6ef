import { completeNetworkConfig, type NetworkInput } from '@causeway/shared/model/network.schema';
import { encodeNetworkConfig } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import { snapshotBuilder } from '@causeway/shared/store/snapshot';
import type { PrefixState } from '@causeway/shared/store/store';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type FakeStore, fakeStore } from '../../../test/support/fake-store.ts';
import type { HostFiles } from '../host-files.ts';
import type { Candidate } from '../lease/membership.ts';
import { createLogger } from '../logger.ts';
import { type Place, takePlace } from './place.ts';

let store: FakeStore;
let told: { kind: string; severity: string; message: string }[];
let remembered: unknown[];
let changes: number;

beforeEach(() => {
  store = fakeStore();
  [told, remembered, changes] = [[], [], 0];
  configure({ ipv4: { network: '10.10.0.0/28' } });
});

function configure(input: NetworkInput): void {
  store.put(keys.networkConfig, encodeNetworkConfig(completeNetworkConfig(input)));
}

function candidate(publicIp = '192.168.122.11'): Candidate {
  return {
    ...{ name: 'host-1', id: 'id-1', addresses: [publicIp], dataplane: 'nftables', version: '0' },
    ipv4: { publicIp, network: '192.168.122.0/24' },
  };
}

async function take(): Promise<Place> {
  const files: Pick<HostFiles, 'rememberSubnets'> = {
    rememberSubnets: async (subnets) => void remembered.push(subnets),
  };
  const unused = () => {
    throw new Error('a place asks for no other file');
  };
  const place = await takePlace({
    ...{ store, log: createLogger('silent', 'host-1'), signal: new AbortController().signal },
    files: {
      ...files,
      nodeId: unused,
      knownNodeId: unused,
      lastSubnets: unused,
      remove: unused,
      ...{ removeDirectories: unused, lastPolicies: unused, rememberPolicies: unused },
    },
    input: { node: candidate(), instance: 'first', random: () => 0 },
    onChange: () => {
      changes += 1;
    },
    onEvent: (kind, severity, message) => void told.push({ kind, severity, message }),
  });
  if (place === undefined) throw new Error('there is no place');
  onTestFinished(() => place.leave());
  return place;
}

/** What an agent's watch would bring. */
const build = snapshotBuilder('host-1');
async function watched() {
  const read = async (prefix: string): Promise<PrefixState> => {
    const { items, revision } = await store.list(prefix);
    return { items: new Map(items.map((kv) => [kv.key, kv])), revision };
  };
  return build({
    network: await read(keys.networkPrefix),
    services: await read(keys.servicePrefix),
    containers: await read(keys.containerPrefix),
    policies: await read(keys.policyPrefix),
    settings: await read(keys.settings),
  });
}
const isTold = (...kinds: string[]) =>
  vi.waitFor(() => expect(told.map(({ kind }) => kind)).toEqual(kinds), 3_000);

const thief = { PublicIP: '192.168.122.99', PublicIPv6: null, BackendType: 'host-gw' };

it('tells that the host has joined, and notes its subnets on disk', async () => {
  const place = await take();
  expect(place.subnets()).toEqual({ ipv4: '10.10.0.4/30' });
  expect(told).toEqual([
    { kind: 'joined', severity: 'info', message: 'joined with 10.10.0.4/30 at 192.168.122.11' },
  ]);
  expect(place.problem()).toBeUndefined();
  expect(place.leaseLeftMs()).toEqual({ ownership: 86_400_000, liveness: 10_000 });
  await place.leave();
  expect(remembered).toEqual([{ ipv4: '10.10.0.4/30' }]);
});

it('asks etcd nothing while the watch brings what the host has written', async () => {
  const place = await take();
  const built = await watched();
  const asked = vi.spyOn(store, 'list');
  place.heed(built);
  place.heed(built);
  expect(asked).not.toHaveBeenCalled();
});

it('writes its lease again when the watch shows it gone, spoilt or another’s', async () => {
  const place = await take();
  const key = keys.subnet(place.subnets());
  for (const spoil of [() => store.remove(key), () => store.put(key, 'x')]) {
    told.length = 0;
    spoil();
    place.heed(await watched());
    await isTold('restored');
    expect((await store.get(key))?.value).toContain('host-1');
  }
  told.length = 0;
  store.put(key, thief);
  place.heed(await watched());
  await isTold('fenced', 'moved');
  expect(told.map(({ severity, message }) => [severity, message])).toEqual([
    ['warning', "stopped using 10.10.0.4/30: etcd has 10.10.0.4/30 as another host's"],
    ['warning', 'has 10.10.0.8/30, after it had no subnet'],
  ]);
  expect([place.subnets(), place.problem()]).toEqual([{ ipv4: '10.10.0.8/30' }, undefined]);
  expect(changes).toBe(4);
  await place.leave();
  expect(remembered.at(-1)).toEqual({ ipv4: '10.10.0.8/30' });
});

it('waits in a network that is full, and says so as its problem', async () => {
  for (const subnet of ['10.10.0.4/30', '10.10.0.8/30', '10.10.0.12/30'])
    store.put(keys.subnet({ ipv4: subnet }), thief);
  const place = await take();
  expect(place.subnets()).toEqual({});
  expect(place.problem()).toMatch(/^host "host-1" waits for a subnet: network 10\.10\.0\.0\/28 is too small/);
  expect(told.map(({ kind }) => kind)).toEqual(['waiting']);
  store.remove(keys.subnet({ ipv4: '10.10.0.8/30' }));
  await isTold('waiting', 'moved');
  expect([place.subnets(), place.problem()]).toEqual([{ ipv4: '10.10.0.8/30' }, undefined]);
});

it('tells once that a configuration is refused, and follows another backend', async () => {
  const place = await take();
  const accepted = async () => expect(await store.get(keys.acceptedNetwork)).toBeDefined();
  await vi.waitFor(accepted, 3_000);
  configure({ ipv4: { network: '10.20.0.0/28' } });
  place.heed(await watched());
  place.heed(await watched());
  expect(told.slice(1)).toEqual([
    {
      kind: 'network-refused',
      severity: 'warning',
      message: expect.stringContaining('would renumber 1 host'),
    },
  ]);
  expect(place.subnets()).toEqual({ ipv4: '10.10.0.4/30' });

  configure({ ipv4: { network: '10.10.0.0/28' }, backend: { type: 'vxlan' } });
  place.heed(await watched());
  await isTold('joined', 'network-refused', 'network-changed');
  expect((await store.get(keys.subnet(place.subnets())))?.value).toContain('VtepMAC');
});

it('tells another address of the host, once, and writes it', async () => {
  const place = await take();
  place.present(candidate());
  place.present(candidate('192.168.122.77'));
  place.present(candidate('192.168.122.77'));
  expect(told.slice(1)).toEqual([
    { kind: 'address-changed', severity: 'info', message: 'is at 192.168.122.77 instead of 192.168.122.11' },
  ]);
  await vi.waitFor(
    async () => expect((await store.get(keys.subnet(place.subnets())))?.value).toContain('192.168.122.77'),
    { timeout: 20_000 },
  );
});

it('has a problem while etcd is away and it should write, and none when it has written', async () => {
  const place = await take();
  store.remove(keys.subnet(place.subnets()));
  const built = await watched();
  store.fail('etcd is away');
  place.heed(built);
  await vi.waitFor(
    () => expect(place.problem()).toBe("keeping this host's place in the cluster: asking etcd: etcd is away"),
    { timeout: 20_000 },
  );
  expect(place.subnets()).toEqual({ ipv4: '10.10.0.4/30' });
  store.recover();
  await isTold('joined', 'restored');
  expect(place.problem()).toBeUndefined();
});
