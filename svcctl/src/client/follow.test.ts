import { expect, it } from 'vitest';
import { useClient } from '../support/client.ts';
import { follow } from './follow.ts';

interface Thing {
  readonly name: string;
  readonly size: number;
}

const up = useClient();
const { controller } = up;

/** Follows until `count` changes came. */
async function collect(count: number, during: () => Promise<void> = async () => {}): Promise<string[]> {
  const seen: string[] = [];
  const enough = new AbortController();
  const following = follow<Thing>(up.client, {
    path: '/v1/things',
    keyOf: (thing) => thing.name,
    onChange: ({ type, object }) => {
      seen.push(`${type} ${object.name} ${object.size}`);
      if (seen.length === count) enough.abort();
    },
    signal: enough.signal,
  });
  await during();
  await following;
  return seen;
}

it('delivers the list, then every change', async () => {
  controller.list('/v1/things', [{ name: 'a', size: 1 }]);
  const seen = await collect(4, async () => {
    await controller.watched('/v1/things');
    controller.send('/v1/things', 'modified', { name: 'a', size: 2 });
    controller.send('/v1/things', 'added', { name: 'b', size: 1 });
    controller.send('/v1/things', 'deleted', { name: 'a', size: 2 });
  });
  expect(seen).toEqual(['added a 1', 'modified a 2', 'added b 1', 'deleted a 2']);
});

it('says nothing twice: the stream may begin with what the list holds', async () => {
  controller.list('/v1/things', [{ name: 'a', size: 1 }]);
  const seen = await collect(2, async () => {
    await controller.watched('/v1/things');
    controller.send('/v1/things', 'added', { name: 'a', size: 1 });
    controller.send('/v1/things', 'deleted', { name: 'unheard-of', size: 1 });
    controller.send('/v1/things', 'added', { name: 'b', size: 1 });
  });
  expect(seen).toEqual(['added a 1', 'added b 1']);
});

it('tells after a lost connection what changed meanwhile, deletions too', async () => {
  controller.list('/v1/things', [
    { name: 'a', size: 1 },
    { name: 'b', size: 1 },
  ]);
  let lists = 0;
  controller.on(({ path }) => {
    if (path !== '/v1/things' || ++lists === 1) return undefined;
    return { body: { items: [{ name: 'b', size: 5 }], revision: 2 } };
  });
  const seen: string[] = [];
  const enough = new AbortController();
  await follow<Thing>(up.client, {
    path: '/v1/things',
    keyOf: (thing) => thing.name,
    onChange: ({ type, object }) => {
      seen.push(`${type} ${object.name} ${object.size}`);
      if (seen.length === 4) enough.abort();
    },
    onSynced: () => lists === 1 && controller.cutStreams(),
    signal: enough.signal,
  });
  expect(seen.slice(2)).toEqual(['modified b 5', 'deleted a 1']);
});

it('fails when there is nothing of that name to follow', async () => {
  await expect(collect(1)).rejects.toMatchObject({ code: 'not-found' });
});
