import type { EndpointSet } from '@causeway/shared/model/endpoint';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, running, startRig, WEB_1 } from '../../../test/support/controller.ts';
import { View } from '../view/view.ts';
import { concerned } from './concerned.ts';
import { startEndpointLoop } from './loop.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
  // With three, one that is silent is not most of them.
  addHost(rig.store, host(3));
});

afterEach(() => rig.close());

async function make(name: string, input: object): Promise<void> {
  const { status } = await rig.ask('PUT', `/v1/services/${name}`, { ports: [{ port: 80 }], ...input });
  expect(status).toBe(201);
  await rig.settled();
}

/** As a controller that starts at this moment finds it. */
async function anew(): Promise<{ settled(): Promise<void>; close(): void }> {
  rig.loop.stop();
  const view = new View(rig.store);
  await view.whole(1_000);
  const loop = startEndpointLoop(rig.store, view, { debug: () => {}, warn: () => {} });
  return {
    settled: async () => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await loop.idle();
    },
    close: () => {
      loop.stop();
      view.close();
    },
  };
}

function stored(name: string): EndpointSet {
  return JSON.parse(rig.store.dump()[keys.serviceEndpoints(name)] ?? '{}');
}

const statesOf = (name: string) => stored(name).endpoints.map(({ state = 'ready' }) => state);

describe('a sign of life that nobody can read', () => {
  it('counts from when it comes, and only until it goes', async () => {
    await make('a', { endpoints: ['web-1'] });
    rig.store.remove(keys.alive('host-1'));
    await rig.settled();
    expect(statesOf('a')).toEqual(['unready']);
    rig.store.put(keys.alive('host-1'), '}{');
    await rig.settled();
    expect(statesOf('a')).toEqual(['ready']);
    rig.store.remove(keys.alive('host-1'));
    await rig.settled();
    expect(statesOf('a')).toEqual(['unready']);
  });
});

describe('what was selected and cannot be read', () => {
  const LABELLED = { ...WEB_1, labels: { app: 'web' } };
  const UNREADABLE = [keys.container('web-1'), keys.containerStatus('web-1')];

  beforeEach(async () => {
    rig.store.put(keys.container('web-1'), encode(LABELLED));
    await rig.settled();
    await make('a', { selector: { app: 'web' } });
    expect(statesOf('a')).toEqual(['ready']);
  });

  it.each(UNREADABLE)('stays for as long as there is %s', async (key) => {
    rig.store.put(keys.container('web-1'), '}{');
    rig.store.put(key, '}{');
    const controller = await anew();
    await controller.settled();
    expect(statesOf('a')).toEqual(['ready']);
    for (const one of [keys.container('web-1'), key]) rig.store.remove(one);
    await controller.settled();
    expect(stored('a').endpoints).toEqual([]);
    controller.close();
  });

  it('stays at the ports that the service has, once, and in its turn', async () => {
    const ports = [{ port: 80 }, { port: 81 }, { port: 82 }].map((one) => ({ ...one, name: `p${one.port}` }));
    await rig.ask('PUT', '/v1/services/a', { ports, selector: { app: 'web' } });
    await rig.settled();
    expect(stored('a').endpoints.map(({ portName }) => portName)).toEqual(['p80', 'p81', 'p82']);
    const spec = JSON.parse(rig.store.dump()[keys.serviceSpec('a')] ?? '');
    rig.store.put(keys.container('web-1'), '}{');
    const controller = await anew();
    const [first, _second, third] = spec.ports;
    const put = async (to: string) => {
      const ports = [first, { ...third, targetPort: 8080 }];
      rig.store.put(keys.serviceSpec('a'), encode({ ...spec, ports, endpoints: [{ to }] }));
      await controller.settled();
      return stored('a').endpoints.map(({ portName, address, port }) => `${portName} ${address}:${port}`);
    };
    expect(await put('10.10.1.9')).toEqual(['p80 10.10.1.2:80', 'p80 10.10.1.9:80', 'p82 10.10.1.9:8080']);
    expect(await put('10.10.1.2:80')).toEqual(['p80 10.10.1.2:80', 'p82 10.10.1.2:80']);
    controller.close();
  });

  it('goes when it turns out to have other labels', async () => {
    rig.store.put(keys.container('web-1'), '}{');
    const controller = await anew();
    rig.store.put(keys.container('web-1'), encode({ ...WEB_1, labels: { app: 'db' } }));
    await controller.settled();
    expect(stored('a').endpoints).toEqual([]);
    controller.close();
  });
});

describe('a change', () => {
  const WORKLOAD = { addresses: ['203.0.113.9'], labels: { app: 'db' } };

  beforeEach(async () => {
    await rig.ask('PUT', '/v1/workloads/db', WORKLOAD);
    await rig.ask('PUT', '/v1/workloads/near', { addresses: ['10.10.2.9'], labels: { app: 'near' } });
    await rig.settled();
    await make('named', { endpoints: ['web-1'] });
    await make('address-1', { endpoints: ['10.10.1.50:80'] });
    await make('address-2', { endpoints: ['10.10.2.50:80'] });
    await make('host-address', { endpoints: ['172.16.3.1:80'] });
    await make('selecting', { selector: { app: 'db' } });
    await make('selecting-near', { selector: { app: 'near' } });
    await make('asked', {
      endpoints: ['203.0.113.50:80', '10.10.2.51:80'],
      health: { type: 'tcp' },
    });
    rig.loop.stop();
  });

  /** What is looked at again after one delivery. */
  async function lookedAt(change: () => void): Promise<readonly string[]> {
    const found = new Promise<readonly string[]>((resolve) => {
      const end = rig.view.subscribe(({ changes }) => {
        end();
        resolve([...concerned(changes, rig.view)].sort());
      });
    });
    change();
    return found;
  }

  it.each<[string, () => void, readonly string[]]>([
    [
      'of a container',
      () => rig.store.put(keys.containerStatus('web-1'), encode(running('web-1', 'host-1', '10.10.1.3'))),
      ['named'],
    ],
    [
      'of a workload',
      () =>
        rig.store.put(keys.workload('db'), encode({ name: 'db', ...WORKLOAD, addresses: ['203.0.113.8'] })),
      ['selecting'],
    ],
    [
      'of a workload’s labels',
      () => rig.store.put(keys.workload('db'), encode({ name: 'db', ...WORKLOAD, labels: { app: 'near' } })),
      ['selecting', 'selecting-near'],
    ],
    [
      'of a subnet',
      () => rig.store.remove(keys.subnet({ ipv4: '10.10.2.0/24' })),
      ['address-2', 'asked', 'selecting-near'],
    ],
    [
      'of a host’s addresses',
      () => rig.store.put(keys.node('host-3'), encode({ ...host(3), addresses: ['172.16.3.2'] })),
      ['host-address'],
    ],
    [
      'of a host’s version alone',
      () => rig.store.put(keys.node('host-3'), encode({ ...host(3), version: '9' })),
      [],
    ],
    ['of a host’s life', () => rig.store.remove(keys.alive('host-1')), ['address-1', 'asked', 'named']],
    [
      'of a host’s use',
      () =>
        rig.store.put(keys.nodePolicy('host-2'), encode({ name: 'host-2', cordoned: true, drained: true })),
      ['address-2', 'asked', 'selecting-near'],
    ],
    [
      'of what a host found of one endpoint',
      () =>
        rig.store.put(
          keys.health('host-2'),
          encode({
            node: 'host-2',
            unhealthy: [
              { service: 'asked', portName: '', address: '10.10.2.51', port: 80, reason: 'refused' },
            ],
          }),
        ),
      ['asked'],
    ],
  ])('%s concerns those services alone that it may be of', async (_what, change, services) => {
    expect(await lookedAt(change)).toEqual(services);
  });

  const record = (parts: object) =>
    rig.store.put(keys.health('host-2'), encode({ node: 'host-2', unhealthy: [], ...parts }));

  it('of whether a host says who is healthy concerns all that it asks, as one that does not speaks of all', async () => {
    const HEALTHY = { healthy: [] };
    expect(await lookedAt(() => record(HEALTHY))).toEqual([]);
    expect(await lookedAt(() => record({}))).toEqual(['asked']);
    expect(await lookedAt(() => record(HEALTHY))).toEqual(['asked']);
    rig.store.remove(keys.health('host-2'));
    await rig.settled();
    expect(await lookedAt(() => record({}))).toEqual(['asked']);
  });
});
