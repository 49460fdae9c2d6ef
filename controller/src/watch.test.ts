import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addHost, host, type Rig, startRig } from '../../test/support/controller.ts';

let rig: Rig;
let base: string;
const open: AbortController[] = [];

beforeEach(async () => {
  rig = await startRig();
  base = await rig.app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  for (const controller of open.splice(0)) controller.abort();
  await rig.close();
});

interface Event {
  readonly id?: string;
  readonly event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test's expectations say what it is
  readonly data?: any;
}

/** Reads events one by one, as they arrive. */
async function watch(url: string, lastEventId?: string): Promise<{ next(count: number): Promise<Event[]> }> {
  const controller = new AbortController();
  open.push(controller);
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const reply = await fetch(`${base}${url}`, { headers, signal: controller.signal });
  expect(reply.headers.get('content-type')).toBe('text/event-stream');
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    next: async (count) => {
      while (text.split('\n\n').length <= count) {
        const chunk = await reader?.read();
        if (chunk === undefined || chunk.done) throw new Error(`the stream ended after ${text}`);
        text += chunk.value;
      }
      const blocks = text.split('\n\n');
      text = blocks.slice(count).join('\n\n');
      return blocks.slice(0, count).map(parse);
    },
  };
}

function parse(block: string): Event {
  const fields = block
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]);
  const { data, ...rest } = Object.fromEntries(fields);
  return { ...rest, ...(data === undefined ? {} : { data: JSON.parse(data) }) };
}

const brief = (events: readonly Event[]) =>
  events.map(({ event, data }) => [event, data.name ?? data.revision]);

describe('a watch of services', () => {
  it('lists what is there, says that it is all, and tells every change', async () => {
    const { body } = await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }] });
    const stream = await watch('/v1/services?watch=true');
    const [added, synced] = await stream.next(2);
    expect(added).toMatchObject({ event: 'added', data: { name: 'a', status: { endpoints: 0 } } });
    expect(added?.id).toBeUndefined();
    const { revision } = body;
    expect(synced).toEqual({ id: String(revision), event: 'synced', data: { revision } });

    const made = await rig.ask('PUT', '/v1/services/b', { ports: [{ port: 80 }] });
    expect(await stream.next(1)).toEqual([
      { id: String(made.body.revision), event: 'added', data: made.body },
    ]);
    const changed = await rig.ask('POST', '/v1/services/b/endpoints', { to: 'web-1' });
    expect(await stream.next(1)).toMatchObject([{ event: 'modified', data: changed.body }]);
    const gone = await rig.ask('DELETE', '/v1/services/b');
    expect(await stream.next(1)).toMatchObject([
      { id: String(gone.body.revision), event: 'deleted', data: { name: 'b' } },
    ]);
  });

  it('gives the id to the last event of a delivery only, since the others are not all of it', async () => {
    const stream = await watch('/v1/subnets?watch=true');
    await stream.next(3);
    const { revision } = await rig.store.transaction(
      [],
      ['10.10.1.0/24', '10.10.2.0/24'].map((ipv4) => ({ delete: keys.subnet({ ipv4 }) })),
    );
    expect((await stream.next(2)).map(({ event, id }) => [event, id])).toEqual([
      ['deleted', undefined],
      ['deleted', String(revision)],
    ]);
  });

  it('goes on where the client was', async () => {
    const first = await watch('/v1/services?watch=true');
    const [synced] = await first.next(1);
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }] });
    await rig.ask('PUT', '/v1/services/b', { ports: [{ port: 80 }] });
    await rig.ask('DELETE', '/v1/services/a');
    const again = await watch('/v1/services?watch=true', synced?.id);
    // The object that is gone is told only by its end.
    expect(brief(await again.next(2))).toEqual([
      ['added', 'b'],
      ['deleted', 'a'],
    ]);
  });

  it('starts over, and says so, where that is not known any more', async () => {
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }] });
    for (const id of ['1', '999999']) {
      const stream = await watch('/v1/services?watch=true', id);
      expect((await stream.next(3)).map(({ event }) => event)).toEqual(['reset', 'added', 'synced']);
    }
    const bad = await rig.ask('GET', '/v1/services?watch=true', undefined, { 'last-event-id': 'x' });
    expect(bad).toMatchObject({ status: 422, body: { field: 'Last-Event-ID' } });
  });
});

describe('a watch of nodes', () => {
  it('tells reports and liveness as changes of the node', async () => {
    const stream = await watch('/v1/nodes?watch=true');
    expect(brief(await stream.next(3))).toEqual([
      ['added', 'host-1'],
      ['added', 'host-2'],
      ['synced', rig.view.revision('causeway')],
    ]);
    const report = {
      name: 'host-1',
      servicesRevision: 12,
      networkRevision: 9,
      appliedInMs: 7,
      at: '2026-01-01T00:00:00Z',
      peersWanted: 1,
      peersInstalled: 1,
      peers: [],
      problems: [],
      repairs: 0,
    };
    const revision = rig.store.put(keys.report('host-1'), encode(report));
    expect(await stream.next(1)).toMatchObject([
      { event: 'modified', data: { name: 'host-1', alive: true, report, revision } },
    ]);
    rig.store.remove(keys.alive('host-1'));
    expect(await stream.next(1)).toMatchObject([
      { event: 'modified', data: { name: 'host-1', alive: false } },
    ]);
    rig.store.remove(keys.node('host-2'));
    expect(await stream.next(1)).toMatchObject([{ event: 'deleted', data: { name: 'host-2' } }]);
  });
});

describe('other watches', () => {
  it('tell each endpoint that comes or goes', async () => {
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }], endpoints: ['web-1', '10.10.2.5'] });
    const one = await watch('/v1/services/a/endpoints?watch=true');
    const all = await watch('/v1/endpoints?watch=true');
    for (const stream of [one, all]) {
      expect((await stream.next(3)).map(({ event, data }) => [event, data.address])).toEqual([
        ['added', '10.10.1.2'],
        ['added', '10.10.2.5'],
        ['synced', undefined],
      ]);
    }
    await rig.ask('PUT', '/v1/services/a', { ports: [{ port: 80 }], endpoints: ['web-1', '10.10.2.6'] });
    await rig.ask('PUT', '/v1/services/b', { ports: [{ port: 80 }], endpoints: ['10.10.2.7'] });
    for (const stream of [one, all]) {
      expect((await stream.next(2)).map(({ event, data }) => [event, data.address])).toEqual([
        ['added', '10.10.2.6'],
        ['deleted', '10.10.2.5'],
      ]);
    }
    expect(await all.next(1)).toMatchObject([
      { event: 'added', data: { service: 'b', address: '10.10.2.7' } },
    ]);
  });

  it('tell leases and containers', async () => {
    const subnets = await watch('/v1/subnets?watch=true');
    expect((await subnets.next(3)).map(({ event }) => event)).toEqual(['added', 'added', 'synced']);
    addHost(rig.store, host(3));
    expect(await subnets.next(1)).toMatchObject([
      { event: 'added', data: { subnet: '10.10.3.0/24', node: 'host-3' } },
    ]);

    const containers = await watch('/v1/containers?watch=true');
    await containers.next(2);
    await rig.ask('POST', '/v1/containers', { name: 'c', host: 'host-1', command: ['sh'] });
    expect(brief(await containers.next(1))).toEqual([['added', 'c']]);
  });

  it('end when the server does', async () => {
    const stream = await watch('/v1/subnets?watch=true');
    await stream.next(3);
    await rig.app.close();
    await expect(stream.next(1)).rejects.toThrow('the stream ended');
  });
});
