import { EventEmitter } from 'node:events';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SortedMap } from '../sorted-map.ts';
import { watchPrefix } from './etcd-watch.ts';
import type { Listing, PrefixState } from './store.ts';

/** etcd's end of a watch, played by the test. */
class Stream extends EventEmitter {
  cancelled = false;
  startRevision = 0;
  write(message: { create_request: { start_revision: number } }): void {
    this.startRevision = message.create_request.start_revision;
  }
  cancel(): void {
    this.cancelled = true;
    // gRPC does so; without a listener it would be an uncaught exception.
    this.emit('error', new Error('1 CANCELLED'));
  }
  say(response: object): void {
    this.emit('data', { header: { revision: '0' }, events: [], compact_revision: '0', ...response });
  }
  put(key: string, revision: number, more: object = {}): void {
    const kv = { key, value: '', create_revision: '1', mod_revision: `${revision}`, lease: '0' };
    const events = [{ type: 'Put', kv: { ...kv, key: Buffer.from(key), value: Buffer.from('') } }];
    this.say({ events, header: { revision: '999' }, ...more });
  }
}

function setUp(onState: (state: PrefixState) => void = () => {}) {
  const streams: Stream[] = [];
  const states: PrefixState[] = [];
  const connections: [boolean, string][] = [];
  let listing: Listing | Error = { items: [], revision: 10 };
  const watch = watchPrefix(
    {
      list: async () => {
        if (listing instanceof Error) throw listing;
        return listing;
      },
      openStream: async () => {
        const stream = new Stream();
        streams.push(stream);
        return stream;
      },
      confirmMs: 1_000,
      relistMs: 60_000,
      retryMinMs: 1,
      retryMaxMs: 2,
    },
    '/p/',
    {
      onState: (state) => {
        states.push(state);
        onState(state);
      },
      onConnection: (connected, reason) => connections.push([connected, reason]),
    },
  );
  onTestFinished(() => watch.close());
  const stream = async (n: number): Promise<Stream> =>
    vi.waitFor(
      () => {
        const found = streams[n];
        if (found === undefined || found.startRevision === 0) throw new Error(`no stream ${n} yet`);
        return found;
      },
      { timeout: 20_000 },
    );
  return {
    watch,
    stream,
    states,
    connections,
    lists: (next: Listing | Error) => {
      listing = next;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('watches from the revision after the listing', async () => {
  const { stream, states, connections } = setUp();
  const first = await stream(0);
  expect(first.startRevision).toBe(11);
  expect(states).toEqual([{ items: SortedMap.of(), revision: 10 }]);
  expect(connections).toEqual([]);
  first.say({ created: true });
  expect(connections.map(([up]) => up)).toEqual([true]);
});

it('lists again at once after a compaction, without a word of a broken connection', async () => {
  const { stream, lists, connections } = setUp();
  const first = await stream(0);
  first.say({ created: true });
  lists({ items: [], revision: 50 });
  first.say({ canceled: true, compact_revision: '40', cancel_reason: 'compacted' });
  const second = await stream(1);
  expect(second.startRevision).toBe(51);
  expect(first.cancelled).toBe(true);
  expect(connections.map(([up]) => up)).toEqual([true]);
});

it('says once that it is broken, and once that it is whole again', async () => {
  const { stream, lists, connections } = setUp();
  const first = await stream(0);
  first.say({ created: true });
  lists(new Error('no route'));
  first.emit('error', new Error('14 UNAVAILABLE: gone'));
  await vi.waitFor(() => expect(connections).toHaveLength(2), { timeout: 20_000 });
  expect(connections[1]).toEqual([false, 'watching /p/: 14 UNAVAILABLE: gone']);
  lists({ items: [], revision: 20 });
  (await stream(1)).say({ created: true });
  expect(connections.map(([up]) => up)).toEqual([true, false, true]);
});

it.each([
  ['ends', (stream: Stream) => stream.emit('end')],
  ['is cancelled', (stream: Stream) => stream.say({ canceled: true, cancel_reason: 'permission denied' })],
])('starts over when the stream %s', async (_what, happen) => {
  const { stream, connections } = setUp();
  happen(await stream(0));
  await stream(1);
  expect(connections[0]?.[0]).toBe(false);
});

it('delivers a revision that comes in fragments as one', async () => {
  const { stream, states } = setUp();
  const first = await stream(0);
  first.put('/p/a', 11, { fragment: true });
  await turn();
  expect(states).toHaveLength(1);
  first.put('/p/b', 11);
  await turn();
  expect(states[1]).toMatchObject({ revision: 11, changed: ['/p/a', '/p/b'] });
});

it("goes by the events' revision, which the header's may be ahead of", async () => {
  const { stream, states } = setUp();
  (await stream(0)).put('/p/a', 11);
  await turn();
  expect(states[1]?.revision).toBe(11);
});

it('ignores what a stream says after its end', async () => {
  const { stream, states } = setUp();
  const first = await stream(0);
  first.emit('end');
  const second = await stream(1);
  const before = states.length;
  first.put('/p/ghost', 12);
  await turn();
  expect(states).toHaveLength(before);
  second.put('/p/real', 13);
  await turn();
  expect([...(states.at(-1)?.items.keys() ?? [])]).toEqual(['/p/real']);
});

it('goes on when a listener fails', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const { stream, states } = setUp(() => {
    throw new Error('bug in a listener');
  });
  (await stream(0)).put('/p/a', 11);
  await turn();
  expect(states).toHaveLength(2);
  expect((await warned).message).toContain('bug in a listener');
});

it('cancels its stream and falls silent on close', async () => {
  const { stream, states, watch, connections } = setUp();
  const first = await stream(0);
  watch.close();
  first.put('/p/a', 11);
  await turn();
  expect(first.cancelled).toBe(true);
  expect(states).toHaveLength(1);
  expect(connections).toEqual([]);
});
