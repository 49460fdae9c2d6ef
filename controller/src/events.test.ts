import type { NodeEvent } from '@causeway/shared/model/event';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';
import { watchNodeEvents } from './watch/events.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

function event(changes: Partial<NodeEvent>): void {
  const all: NodeEvent = {
    node: 'host-1',
    sequence: 1,
    at: '2026-01-01T00:00:00.000Z',
    kind: 'fenced',
    severity: 'warning',
    message: 'the lease of 10.10.1.0/24 is gone',
    ...changes,
  };
  rig.store.put(keys.event(all.node, all.sequence % 64), all);
}

describe('/v1/events', () => {
  const sequences = async (url: string) =>
    (await rig.ask('GET', url)).body.items.map(({ node, sequence }: NodeEvent) => `${node}/${sequence}`);

  it('lists oldest first, of all hosts or of one, page by page', async () => {
    event({ sequence: 65, at: '2026-01-01T00:00:03.000Z' });
    event({ sequence: 2, at: '2026-01-01T00:00:01.000Z' });
    event({ node: 'host-2', sequence: 9, at: '2026-01-01T00:00:02.000Z' });
    await rig.settled();
    expect(await sequences('/v1/events')).toEqual(['host-1/2', 'host-2/9', 'host-1/65']);
    expect(await sequences('/v1/events?host=host-2')).toEqual(['host-2/9']);
    const first = (await rig.ask('GET', '/v1/events?limit=2')).body;
    expect(await sequences(`/v1/events?limit=2&continue=${first.continue}`)).toEqual(['host-1/65']);
  });

  it('are watched as what comes: the one that takes the place of an older one, too', async () => {
    event({ sequence: 1 });
    await rig.settled();
    const seen: string[] = [];
    const watched = watchNodeEvents('host-1');
    rig.view.subscribe((batch) => {
      for (const { type, object } of watched.events(batch, rig.view.tables))
        seen.push(`${type} ${object.node}/${object.sequence}`);
    });
    event({ sequence: 65 });
    event({ node: 'host-2', sequence: 1 });
    rig.store.put(keys.event('host-1', 2), '}{');
    await rig.settled();
    rig.store.remove(keys.event('host-1', 1));
    await rig.settled();
    expect(seen).toEqual(['added host-1/65']);
    expect((await rig.ask('GET', '/v1/events')).body.items).toHaveLength(1);
  });

  it.each([
    ['/v1/events?host=host-9', 200],
    ['/v1/events?since=1', 422],
    [`/v1/events?host=${'x'.repeat(200)}`, 422],
  ])('%s answers %i', async (url, status) => {
    expect((await rig.ask('GET', url)).status).toBe(status);
  });
});
