import type { ContainerSpec } from '@causeway/shared/model/container';
import { beforeEach, expect, it, vi } from 'vitest';
import { emptyHost } from '../../../../test/support/container-pass.ts';
import type { World } from '../connection.ts';
import { layoutOf, placeOf } from '../places.ts';
import { makePairs } from './pairs.ts';

/** Namespaces that are there, and the links that were made. */
let present: Set<string>;
let links: string[];
/** Happens while a link is made. */
let meanwhile: () => void;

vi.mock('@causeway/shared/programs/run', () => ({
  run: async () => ({ exitCode: 0, stdout: '', stderr: '' }),
}));
vi.mock('./names.ts', () => ({ netnsNames: async () => present }));
vi.mock('./batch.ts', () => ({
  ipBatch: async (_name: string, lines: readonly string[]) => {
    meanwhile();
    links.push(...lines.filter((line) => line.startsWith('link add')));
  },
  ipBatchIn: async () => undefined,
}));

const layout = layoutOf({ stateDir: '/nowhere/lib', runDir: '/nowhere/run' });
const to = (name: string, peer: string): ContainerSpec => ({
  ...{ name, host: 'host-1', command: [], files: {} },
  network: { kind: 'p2p', peer },
});

function worldOf(...specs: ContainerSpec[]): World {
  const addresses = new Map(specs.map(({ name }, i) => [name, { ipv4: `10.0.0.${i + 1}` }]));
  const network = { subnets: {}, gateways: {}, bridge: 'cwy0', mtu: 1500 };
  return { specs, observed: emptyHost(), network, layout, addresses };
}

/** A start makes its namespace, and then its links. */
const start = (name: string, world: World) => {
  present.add(placeOf(layout, name).netns);
  return makePairs(name, world, true);
};

beforeEach(() => {
  [present, links, meanwhile] = [new Set(), [], () => undefined];
});

it('is made once for two that are started together, whose other end may be in use by then', async () => {
  const world = worldOf(to('a', 'b'), to('b', 'a'));
  await Promise.all([start('a', world), start('b', world)]);
  expect(links.length).toBe(1);
});

it('is made by the one that comes last', async () => {
  const world = worldOf(to('a', 'b'), to('b', 'a'));
  await start('a', world);
  expect(links).toEqual([]);
  await start('b', world);
  expect(links.length).toBe(1);
});

it('is made again when it led to a namespace that was about to be replaced', async () => {
  const world = worldOf(to('a', 'b'), to('b', 'a'));
  present.add(placeOf(layout, 'b').netns);
  await start('a', world);
  expect(links.length).toBe(1);
  await start('b', world);
  expect(links.length).toBe(2);
});

it('is made again when the other namespace was replaced while it was made', async () => {
  const world = worldOf(to('a', 'b'), to('b', 'a'));
  present.add(placeOf(layout, 'b').netns);
  let other: Promise<void> | undefined;
  meanwhile = () => {
    other ??= start('b', world);
  };
  await start('a', world);
  await other;
  expect(links.length).toBe(2);
});

it('is made again in another look, when it is not whole', async () => {
  const first = worldOf(to('a', 'b'), to('b', 'a'));
  await Promise.all([start('a', first), start('b', first)]);
  await makePairs('a', { ...first }, false);
  expect(links.length).toBe(2);
});
