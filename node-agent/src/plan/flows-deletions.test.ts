import { expect, it } from 'vitest';
import type { Flow } from './flows.ts';
import { deletionsOf, isNamed } from './flows-deletions.ts';

/** @param n a client's number  @param at where it is led; the VIP itself: nowhere */
function flow(n: number, vip: string, at: string, more: Partial<Flow> = {}): Flow {
  const client = `192.0.2.${n}`;
  return {
    ...{ protocol: 'udp', replied: true },
    original: { source: client, destination: vip, sourcePort: 4000, destinationPort: 53 },
    reply: { source: at, destination: client, sourcePort: 53, destinationPort: 4000 },
    ...more,
  };
}

it('name all that go and lead to the same at once', () => {
  const stale = [1, 2, 3].map((n) => flow(n, '2.2.2.2', '10.10.1.2'));
  const other = flow(1, '2.2.2.3', '10.10.1.2');
  const healthy = [flow(4, '2.2.2.2', '10.10.1.3'), flow(5, '10.10.1.2', '10.10.1.2')];
  const deletions = deletionsOf([...stale, other, ...healthy], [...stale, other]);
  expect(deletions).toEqual([
    {
      ...{ protocol: 'udp', count: 3 },
      original: { destination: '2.2.2.2', destinationPort: 53 },
      reply: { source: '10.10.1.2', sourcePort: 53 },
    },
    expect.objectContaining({ original: { destination: '2.2.2.3', destinationPort: 53 }, count: 1 }),
  ]);
});

it('name each by itself where somebody answers one of them', () => {
  const dark = [1, 2].map((n) => flow(n, '192.168.122.11', '192.168.122.11', { replied: false }));
  const answered = flow(3, '192.168.122.11', '192.168.122.11');
  const deletions = deletionsOf([...dark, answered], dark);
  expect(deletions).toEqual(
    dark.map(({ original, reply }) => ({ protocol: 'udp', original, reply, count: 1 })),
  );
  expect(deletionsOf(dark, dark)).toHaveLength(1);
});

it('name what is stale, and nothing else', () => {
  const vips = ['2.2.2.2', '2.2.2.3'];
  const all = vips.flatMap((vip) =>
    ['10.10.1.2', '10.10.1.3', vip].flatMap((at) =>
      [1, 2].flatMap((n) =>
        (['udp', 'tcp'] as const).map((protocol) => flow(n, vip, at, { protocol, replied: n === 1 })),
      ),
    ),
  );
  for (let i = 0; i < 200; i++) {
    const stale = all.filter((_, at) => (i * 2_654_435_761 + at * 40_503) % 7 < 3);
    const deletions = deletionsOf(all, stale);
    expect(all.filter((one) => deletions.some((deletion) => isNamed(deletion, one)))).toEqual(stale);
    expect(deletions.reduce((sum, { count }) => sum + count, 0)).toBe(stale.length);
  }
});
