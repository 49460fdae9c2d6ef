import type { ContainerSpec } from '@causeway/shared/model/container';
import { beforeEach, expect, it, vi } from 'vitest';
import { emptyHost, idlePass, thisProcess, withRunning } from '../../../test/support/container-pass.ts';
import type { ReadyImage } from '../images/image.ts';
import { AT_ONCE } from './limited.ts';
import type { Observed } from './observe.ts';
import type { Pass } from './pass.ts';
import { type PassOptions, reconcilePass } from './reconcile.ts';
import type { ContainerRecord } from './records.ts';
import { specHash } from './spec.ts';
import type { StartRequest } from './start.ts';

/** What the host shows, and what was done to it, in its order. */
let host: Observed;
let done: string[];
/** Names whose program is missing, and that cannot be removed. */
let broken: Set<string>;

vi.mock('./observe.ts', async (original) => ({
  ...(await original<typeof import('./observe.ts')>()),
  observe: async () => host,
}));
vi.mock('./start.ts', () => ({
  startContainer: async ({ decision: { name, specHash: hash } }: StartRequest): Promise<ContainerRecord> => {
    done.push(`start ${name}`);
    if (broken.has(name)) throw new Error('no such program');
    const record = { name, specHash: hash, process: thisProcess() };
    runs(record);
    return record;
  },
}));
vi.mock('./remove.ts', () => ({
  erase: async () => undefined,
  removeContainer: async (_layout: object, name: string) => {
    done.push(`remove ${name}`);
    if (broken.has(name)) throw new Error('it is busy');
    host = { ...host, files: new Set([...host.files].filter((one) => one !== name)) };
  },
}));

const network = { subnets: {}, gateways: {}, bridge: 'cwy0', mtu: 1500 };
const image: ReadyImage = { digest: 'sha256:0', lowers: [], config: { entrypoint: [], cmd: [], env: [] } };
let pass: Pass;
let now: number;

beforeEach(() => {
  [host, done, broken, now] = [emptyHost(), [], new Set(), 0];
  pass = { ...idlePass(), images: { take: async () => image }, now: () => now };
});

function runs(record: ContainerRecord): void {
  host = withRunning(host, record);
}

const spec = (name: string, network: ContainerSpec['network'] = { kind: 'host' }): ContainerSpec => ({
  ...{ name, host: 'h', command: ['httpd'], files: {}, network },
});
const many = (count: number) => Array.from({ length: count }, (_, i) => spec(`c-${i}`));
const reconcile = (specs: readonly ContainerSpec[], options?: PassOptions) =>
  reconcilePass(pass, specs, network, options);

it('starts as many as it may, and says of the others that they wait for their turn', async () => {
  const specs = many(20);
  const { states, more } = await reconcile(specs, { most: 8 });
  expect(more).toBe(true);
  expect(done.length).toBeLessThan(8 + AT_ONCE);
  expect(states.map(({ name }) => name)).toEqual(specs.map(({ name }) => name));
  expect(states.filter(({ state }) => state === 'running').length).toBe(done.length);
  expect(states.at(-1)).toMatchObject({
    state: 'starting',
    reason: 'it waits for its turn: others of its host are started first',
  });
  for (let left = true; left; ) left = (await reconcile(specs, { most: 8 })).more;
  expect([...done].sort()).toEqual(specs.map(({ name }) => `start ${name}`).sort());
});

it('tells of each state as it comes about, not only when all are there', async () => {
  const told: string[] = [];
  let doneThen = 0;
  const onState: PassOptions['onState'] = ({ name, state }) => {
    if (told.length === 0) doneThen = done.length;
    told.push(`${name} ${state}`);
  };
  await reconcile(many(20), { onState });
  expect(doneThen).toBeLessThanOrEqual(AT_ONCE);
  expect(told.sort()).toEqual(
    many(20)
      .map(({ name }) => `${name} running`)
      .sort(),
  );
});

it('ends soon once something else is wanted, and not before it has brought anything forward', async () => {
  const { more } = await reconcile(many(20), { isStale: () => true });
  expect(more).toBe(true);
  expect(done.length).toBeGreaterThanOrEqual(AT_ONCE);
  expect(done.length).toBeLessThan(2 * AT_ONCE);
});

it('does not let what has ended, or is to be removed, wait for all that is new', async () => {
  host = { ...host, files: new Set(['gone']) };
  const old = spec('z-old');
  const ended = { ...thisProcess(), startTime: '1' };
  host = {
    ...host,
    records: new Map([['z-old', { name: 'z-old', specHash: specHash(old), process: ended }]]),
  };
  await reconcile([...many(20), old], { most: 4 });
  expect(done[0]).toBe('remove gone');
  // Those of one turn are made at the same time, and end in any order.
  expect(done.slice(1, 1 + AT_ONCE)).toContain('start z-old');
});

it('says nothing new of one that runs as it was defined before, until its turn has come', async () => {
  const before = spec('z-web');
  runs({ name: 'z-web', specHash: specHash(before), process: thisProcess() });
  const after = { ...before, command: ['nginx'] };
  const specs = [...many(4), after];
  const first = await reconcile(specs, { most: 0 });
  expect(first.states.map(({ name }) => name)).toEqual(['c-0', 'c-1', 'c-2', 'c-3']);
  // Its end is noticed meanwhile.
  expect(pass.running.has('z-web')).toBe(true);
  const second = await reconcile(specs);
  expect(second.states.at(-1)).toMatchObject({ name: 'z-web', state: 'running' });
  expect(done).toContain('start z-web');
});

it('notices the end of one that runs as it was defined before, while its new image is on its way', async () => {
  const before = spec('web');
  runs({ name: 'web', specHash: specHash(before), process: thisProcess() });
  pass = { ...pass, images: { take: async () => undefined } };
  const { states } = await reconcile([{ ...before, image: { name: 'web:2', digest: 'sha256:2' } }]);
  expect(states).toMatchObject([{ name: 'web', state: 'starting', pid: process.pid }]);
  expect(pass.running.has('web')).toBe(true);
});

it('names what is still here and should not be', async () => {
  host = { ...host, files: new Set(['gone-1', 'gone-2', 'gone-3']) };
  broken.add('gone-1');
  expect(await reconcile([], { most: 2 })).toEqual({ states: [], left: ['gone-1', 'gone-3'], more: true });
  expect(await reconcile([], { most: 2 })).toEqual({ states: [], left: ['gone-1'], more: false });
});

it('lets what cannot be removed hold up nothing else that is to be removed, and does not hurry for it', async () => {
  const names = ['gone-1', 'gone-2', 'gone-3', 'gone-4', 'gone-5'];
  host = { ...host, files: new Set(names) };
  for (const name of names.slice(0, 4)) broken.add(name);
  expect((await reconcile([], { most: 2 })).more).toBe(false);
  await reconcile([], { most: 2 });
  expect((await reconcile([], { most: 2 })).left).toEqual(names.slice(0, 4));
  done = [];
  expect((await reconcile([], { most: 2 })).more).toBe(false);
  expect((await reconcile([], { most: 2 })).more).toBe(false);
  expect([...done].sort()).toEqual(names.slice(0, 4).map((name) => `remove ${name}`));
  broken.clear();
  while ((await reconcile([], { most: 2 })).more);
  expect(host.files.size).toBe(0);
});

it('does not go round and round for what cannot be started', async () => {
  for (const { name } of many(20)) broken.add(name);
  let passes = 1;
  while ((await reconcile(many(20), { most: 8 })).more) passes += 1;
  expect(passes).toBeLessThanOrEqual(3);
  expect(done.length).toBe(20);
});

it('does not count those whose image is on its way', async () => {
  pass = { ...pass, images: { take: async () => undefined } };
  const { states, more } = await reconcile(many(20), { most: 8 });
  expect(more).toBe(false);
  expect(states.every(({ reason }) => reason?.includes('on its way'))).toBe(true);
});

it('lets one wait for the container whose network it shares, while that is about to be started', async () => {
  const base = spec('base', { kind: 'none' });
  const side = spec('side', { kind: 'container', container: 'base' });
  const sideOf = async (options?: PassOptions) => (await reconcile([base, side], options)).states[1];
  const waits = {
    ...{ name: 'side', state: 'starting' },
    reason: 'container base, whose namespace it shares, does not run yet',
  };
  pass = { ...pass, images: { take: async () => undefined } };
  expect(await sideOf()).toMatchObject(waits);
  pass = { ...pass, images: { take: async () => image } };
  expect(await sideOf({ most: 0 })).toMatchObject(waits);
  broken.add('base');
  expect(await sideOf()).toMatchObject(waits);
  // Between its starts.
  expect(await sideOf()).toMatchObject(waits);
  broken.delete('base');
  now = 60_000;
  expect(await sideOf()).toMatchObject({ name: 'side', state: 'running' });
  expect(done.slice(-2)).toEqual(['start base', 'start side']);
});
