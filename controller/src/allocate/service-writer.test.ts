import { CausewayError } from '@causeway/shared/errors';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Rig, startRig } from '../../../test/support/controller.ts';
import { noService, type Planner, ServiceWriter } from './service-writer.ts';

let rig: Rig;
let writer: ServiceWriter;

beforeEach(async () => {
  rig = await startRig();
  writer = new ServiceWriter(rig.store, rig.view, () => 0);
  const made = await rig.ask('PUT', '/v1/services/a', { vip: '2.2.2.2', ports: [{ port: 80 }] });
  expect(made.status).toBe(201);
  await rig.settled();
});

afterEach(() => rig.close());

const OPTIONS = { ifMatch: undefined, dryRun: false };

const withPort =
  (port: number): Planner =>
  (before) => {
    if (before === undefined) throw noService('a');
    const [first] = before.ports;
    if (first?.port === port) return before;
    return { ...before, ports: [{ name: '', protocol: 'tcp', port, targetPort: port }] };
  };

/** Somebody else's write, of which the view has not heard yet when this returns. */
function behindTheView(change: (spec: ServiceSpec) => ServiceSpec): void {
  const key = keys.serviceSpec('a');
  rig.store.put(key, change(JSON.parse(rig.store.dump()[key] ?? '')));
}

const stored = (): ServiceSpec => JSON.parse(rig.store.dump()[keys.serviceSpec('a')] ?? '{}');

describe('a service that the view has', () => {
  it('is changed and removed without asking etcd for it', async () => {
    const read = vi.spyOn(rig.store, 'get');
    await writer.put('a', withPort(81), OPTIONS);
    expect(stored().ports).toMatchObject([{ port: 81 }]);
    await writer.remove('a', OPTIONS);
    expect(read).not.toHaveBeenCalled();
    expect(
      Object.keys(rig.store.dump()).filter((key) => key.includes('/a/') || key.includes('2.2.2.2')),
    ).toEqual([]);
  });

  it('and that has changed since is changed from what it is', async () => {
    behindTheView((spec) => ({ ...spec, affinity: 'client' }));
    const { spec } = await writer.put('a', withPort(81), OPTIONS);
    expect(spec).toMatchObject({ affinity: 'client', ports: [{ port: 81 }] });
    expect(stored()).toEqual(spec);
  });

  it('and that was changed back is not said to be as asked', async () => {
    behindTheView((spec) => ({ ...spec, ports: spec.ports.map((one) => ({ ...one, port: 90 })) }));
    await writer.put('a', withPort(80), OPTIONS);
    expect(stored().ports).toMatchObject([{ port: 80 }]);
  });

  it('and whose endpoints it has as they were is changed when it has heard of the others', async () => {
    const transaction = rig.store.transaction.bind(rig.store);
    const heardAt = Date.now() + 800;
    rig.store.transaction = async (guards, writes) =>
      Date.now() < heardAt ? { ok: false, revision: 1 } : transaction(guards, writes);
    await writer.put('a', withPort(81), OPTIONS);
    expect(stored().ports).toMatchObject([{ port: 81 }]);
  });

  it('and that is gone is not there', async () => {
    rig.store.remove(keys.serviceSpec('a'));
    const refused = writer.put('a', withPort(81), OPTIONS);
    await expect(refused).rejects.toMatchObject({ code: 'not-found' });
    await expect(writer.remove('a', OPTIONS)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a service that the view does not have yet', () => {
  it('is found', async () => {
    await rig.ask('DELETE', '/v1/services/a');
    await rig.settled();
    const spec = {
      vips: [],
      families: ['ipv4'],
      ports: [{ name: '', protocol: 'tcp', port: 80, targetPort: 80 }],
    };
    const at = { createdAt: '2026-01-01T00:00:00Z' };
    rig.store.put(keys.serviceSpec('a'), { name: 'a', ...spec, endpoints: [], ...at });
    await writer.put('a', withPort(81), OPTIONS);
    expect(stored().ports).toMatchObject([{ port: 81 }]);
    rig.store.put(keys.serviceSpec('b'), { name: 'b', ...spec, endpoints: [], ...at });
    await writer.remove('b', OPTIONS);
    expect(rig.store.dump()[keys.serviceSpec('b')]).toBeUndefined();
  });
});

describe('what is asked of one revision, or of none in earnest', () => {
  it('is answered by what etcd has', async () => {
    behindTheView((spec) => ({ ...spec, affinity: 'client' }));
    const dry = await writer.put('a', withPort(81), { ...OPTIONS, dryRun: true });
    expect(dry.spec.affinity).toBe('client');
    behindTheView((spec) => ({ ...spec, affinity: 'client' }));
    const ifMatch = rig.view.tables.service.get('a')?.revision;
    const refused = writer.put('a', withPort(81), { ...OPTIONS, ifMatch });
    await expect(refused).rejects.toBeInstanceOf(CausewayError);
  });
});
