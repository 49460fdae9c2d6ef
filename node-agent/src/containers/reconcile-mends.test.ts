import type { ContainerSpec } from '@causeway/shared/model/container';
import { beforeEach, expect, it, vi } from 'vitest';
import { emptyHost, idlePass, thisProcess, withRunning } from '../../../test/support/container-pass.ts';
import type { ReadyImage } from '../images/image.ts';
import type { Observed } from './observe.ts';
import type { Pass } from './pass.ts';
import type { Place } from './places.ts';
import { type PassOptions, reconcilePass } from './reconcile.ts';
import type { ContainerRecord } from './records.ts';
import { specHash } from './spec.ts';
import type { StartRequest } from './start.ts';

/** What the host shows, and what was done to it, in its order. */
let host: Observed;
let done: string[];
/** A repair helps. */
let helps: boolean;
let pass: Pass;

vi.mock('./observe.ts', async (original) => ({
  ...(await original<typeof import('./observe.ts')>()),
  observe: async () => host,
}));
vi.mock('./modes/batch.ts', () => ({ ipBatch: async () => undefined, ipBatchIn: async () => undefined }));
vi.mock('./network.ts', async (original) => ({
  ...(await original<typeof import('./network.ts')>()),
  renameNetns: async ({ name }: Place) => {
    done.push(`rename ${name}`);
    if (helps) host = { ...host, netns: new Map(host.netns).set(name, 1) };
  },
}));
vi.mock('./start.ts', () => ({
  startContainer: async ({ decision: { name, specHash: hash } }: StartRequest): Promise<ContainerRecord> => {
    done.push(`start ${name}`);
    const record = { name, specHash: hash, process: thisProcess() };
    host = withRunning(host, record);
    return record;
  },
}));
vi.mock('./remove.ts', () => ({ erase: async () => undefined }));

const network = { subnets: {}, gateways: {}, bridge: 'cwy0', mtu: 1500 };
const image: ReadyImage = { digest: 'sha256:0', lowers: [], config: { entrypoint: [], cmd: [], env: [] } };

beforeEach(() => {
  [host, done, helps] = [emptyHost(), [], true];
  pass = { ...idlePass(), images: { take: async () => image } };
});

const spec = (name: string, mode: NonNullable<ContainerSpec['network']>): ContainerSpec => ({
  ...{ name, host: 'h', command: ['httpd'], files: {}, network: mode },
});
const reconcile = (specs: readonly ContainerSpec[], options: PassOptions) =>
  reconcilePass(pass, specs, network, options);

/** They run, and their namespaces have lost their names. */
function nameless(count: number): readonly ContainerSpec[] {
  const specs = Array.from({ length: count }, (_, i) => spec(`n-${i}`, { kind: 'none' }));
  for (const one of specs)
    host = withRunning(host, { name: one.name, specHash: specHash(one), process: thisProcess() });
  return specs;
}

it('repairs as many as it may, and leaves what it says of the others until their turn, whose ends it notices', async () => {
  const specs = nameless(20);
  const first = await reconcile(specs, { most: 8 });
  expect([done.length, first.states.length, first.more]).toEqual([8, 8, true]);
  expect(first.states.every(({ state }) => state === 'running')).toBe(true);
  expect(pass.running.size).toBe(20);
  expect((await reconcile(specs, { most: 8 })).more).toBe(true);
  const last = await reconcile(specs, { most: 8 });
  expect([done.length, last.states.length, last.more]).toEqual([20, 20, false]);
});

it('starts a container beside many that are to be repaired, and does not go round and round for those', async () => {
  const specs = [...nameless(20), spec('new', { kind: 'host' })];
  helps = false;
  await reconcile(specs, { most: 2 });
  expect(done).toContain('start new');
  let passes = 1;
  while ((await reconcile(specs, { most: 2 })).more) passes += 1;
  expect(passes).toBeLessThanOrEqual(10);
  done = [];
  await reconcile(specs, { most: 2 });
  expect(done.length).toBe(20);
});

it('lets one wait for the container whose network it shares, while that is to be repaired', async () => {
  const [base] = nameless(1);
  const side = spec('side', { kind: 'container', container: 'n-0' });
  const specs = [...(base === undefined ? [] : [base]), side];
  expect((await reconcile(specs, { most: 0 })).states).toMatchObject([
    { name: 'side', state: 'starting', reason: 'container n-0, whose namespace it shares, does not run yet' },
  ]);
  expect((await reconcile(specs, {})).states).toMatchObject([{ state: 'running' }, { state: 'running' }]);
});

it('attaches as many as it may', async () => {
  const attached = new Set<string>();
  const keep: Pass['attacher']['keep'] = async ({ spec: { name }, mayWork }) => {
    if (!attached.has(name) && !mayWork('it is new')) return undefined;
    attached.add(name);
    return { state: 'running' };
  };
  pass = { ...pass, attacher: { ...pass.attacher, keep } };
  const specs = Array.from({ length: 20 }, (_, i): ContainerSpec => {
    const id = `theirs-${i}`;
    return { ...spec(id, { kind: 'host' }), attach: { kind: 'docker', id } };
  });
  for (const [so, more] of [
    [8, true],
    [16, true],
    [20, false],
  ] as const) {
    const result = await reconcile(specs, { most: 8 });
    expect([attached.size, result.states.length, result.more]).toEqual([so, so, more]);
  }
  expect(pass.tried.size).toBe(4);
  await reconcile(specs, { most: 8 });
  expect(pass.tried.size).toBe(0);
});
