import type { ContainerSpec } from '@causeway/shared/model/container';
import { beforeEach, expect, it, vi } from 'vitest';
import { emptyHost, idlePass } from '../../../test/support/container-pass.ts';
import type { Observed } from './observe.ts';
import type { Pass } from './pass.ts';
import { layoutOf } from './places.ts';
import { identify } from './processes.ts';
import { reconcilePass } from './reconcile.ts';
import { specHash } from './spec.ts';

/** What the host shows, or the error that it shows nothing for. */
let host: Observed | Error;

vi.mock('./observe.ts', async (original) => ({
  ...(await original<typeof import('./observe.ts')>()),
  observe: async () => {
    if (host instanceof Error) throw host;
    return host;
  },
}));

const network = { subnets: {}, gateways: {}, bridge: 'cwy0', mtu: 1500 };
/** One that needs neither a subnet nor a link. */
const web: ContainerSpec = {
  ...{ name: 'web', host: 'h', command: ['httpd'], files: {}, network: { kind: 'host' } },
};
const other: ContainerSpec = { ...web, name: 'other', attach: { kind: 'pid', id: '4294967295' } };
const LATER = 1e9;

let pass: Pass;
/** The image is on its way. */
let comes = false;
let now = 0;
const lookedOutFor: string[][] = [];

beforeEach(() => {
  [comes, now] = [false, 0];
  pass = {
    ...idlePass(),
    images: {
      take: async () => {
        if (comes) return undefined;
        throw new Error('nobody has it');
      },
    },
    attacher: {
      keep: async () => ({ state: 'running' }),
      onNeed: () => () => undefined,
      keepOnly: (names) => lookedOutFor.push([...names]),
    },
    now: () => now,
  };
});

const reconcile = async (...specs: ContainerSpec[]) => (await reconcilePass(pass, specs, network)).states;

/** The container runs: this process stands for its first one. */
function runs(): Observed {
  const me = identify(process.pid);
  if (me === undefined) throw new Error('this process is not alive');
  const record = { name: 'web', specHash: specHash(web), process: me };
  return {
    ...emptyHost(),
    running: new Map([['web', { pid: me.pid, netns: 1 }]]),
    runc: new Set(['web']),
    records: new Map([['web', record]]),
  };
}

it('looks for no next start of a container that is removed before anything was made of it', async () => {
  host = emptyHost();
  expect(await reconcile(web)).toMatchObject([{ state: 'failed', reason: 'nobody has it' }]);
  expect(pass.restarts.due(LATER)).toBe(true);
  await reconcile();
  expect(pass.restarts.due(LATER)).toBe(false);
});

it('looks for no next start of what runs all the same after a look that has failed', async () => {
  host = new Error('no ip');
  await reconcile(web, other);
  expect(pass.restarts.due(LATER)).toBe(true);
  host = runs();
  expect(await reconcile(web, other)).toMatchObject([{ state: 'running' }, { state: 'running' }]);
  expect(pass.restarts.due(LATER)).toBe(false);
});

it('starts what is to run soon after the host can be looked at again, however long it could not', async () => {
  host = new Error('no ip');
  for (now = 0; now < 60_000; now += 2_000)
    expect(await reconcile(web)).toMatchObject([{ state: 'failed', reason: 'no ip' }]);
  host = emptyHost();
  expect(pass.restarts.due(now)).toBe(true);
  // As far as its image.
  expect(await reconcile(web)).toMatchObject([{ state: 'failed', reason: 'nobody has it' }]);
  expect(pass.restarts.failures('web')).toBe(1);
});

it('says of one that keeps ending how its output can be seen, from wherever it is asked', async () => {
  const me = identify(process.pid);
  const record = { name: 'web', specHash: specHash(web), ...(me && { process: me }) };
  host = { ...emptyHost(), records: new Map([['web', record]]), exits: new Map([['web', 4]]) };
  pass.restarts.started('web', now);
  expect(await reconcile(web)).toMatchObject([
    {
      state: 'failed',
      reason:
        'it has ended with exit code 4; failed once, next start in 1 s; `svcctl logs web` shows its output',
    },
  ]);
});

it('looks for no next start of what waits for its image, or for the container whose network it shares', async () => {
  host = emptyHost();
  const sharing: ContainerSpec = { ...web, name: 'side', network: { kind: 'container', container: 'base' } };
  const base: ContainerSpec = { ...web, name: 'base', want: 'stopped', network: { kind: 'none' } };
  const rests = { name: 'base', specHash: specHash(base), rests: 'stopped' as const };
  const ended = { name: 'side', specHash: specHash(sharing) };
  const records = new Map([rests, ended].map((record) => [record.name, record]));
  host = { ...emptyHost(), records };
  await reconcile(web);
  pass.restarts.failed('side', 0);
  [comes, now] = [true, 1_000];
  expect(await reconcile(web, base, sharing)).toMatchObject([
    { state: 'starting' },
    { state: 'stopped' },
    { state: 'failed', reason: 'its namespace is that of container base, which does not run' },
  ]);
  expect(pass.restarts.due(LATER)).toBe(false);
  expect(pass.restarts.failures('web')).toBe(1);
});

it('tries again ever later what fails before anything is made of it, and another definition at once', async () => {
  host = emptyHost();
  const tries = async (spec: ContainerSpec) => {
    const [state] = await reconcile(spec);
    return state?.reason;
  };
  expect(await tries(web)).toBe('nobody has it');
  expect(await tries(web)).toBe('nobody has it; failed once, next start in 1 s');
  now = 1_000;
  expect(await tries(web)).toBe('nobody has it');
  now = 2_000;
  expect(await tries(web)).toBe('nobody has it; failed 2 times in a row, next start in 1 s');
  expect(await tries({ ...web, command: ['sh'] })).toBe('nobody has it');
  expect(await tries({ ...web, command: ['sh'], generation: 1 })).toBe('nobody has it');
});

it('tries again soon, each time, what was refused for its policies’ sake', async () => {
  host = emptyHost();
  const reason = 'its rules are not in the kernel';
  pass = { ...pass, gate: { announce: async () => new Map([['web', reason]]) } };
  for (now = 0; now < 10_000; now += 1_000) {
    expect(await reconcile(web)).toMatchObject([{ state: 'failed', reason }]);
    expect(await reconcile(web)).toMatchObject([{ state: 'failed', reason }]);
    expect(pass.restarts.due(now + 1_000)).toBe(true);
  }
});

it('tries again soon to attach what was refused for its policies’ sake', async () => {
  host = emptyHost();
  const reason = 'its rules are not in the kernel';
  let refusals = new Map([['other', reason]]);
  pass = { ...pass, gate: { announce: async () => refusals } };
  expect(await reconcile(other)).toMatchObject([{ state: 'failed', reason }]);
  expect(pass.restarts.due(now + 1_000)).toBe(true);
  refusals = new Map();
  expect(await reconcile(other)).toMatchObject([{ state: 'running' }]);
  expect(pass.restarts.due(LATER)).toBe(false);
});

it('looks out for no container of others that is not wanted any more, attached or not', async () => {
  host = emptyHost();
  await reconcile(other);
  await reconcile();
  expect(lookedOutFor.slice(-2)).toEqual([['other'], []]);
});

it('tells the log once of a fault that lasts, and again of another one, or after it was gone', async () => {
  const warnings: string[] = [];
  const logger = { ...pass.logger, warn: (_: object, message: string) => warnings.push(message) };
  pass = { ...pass, logger };
  for (const fault of ['no ip', 'no ip', 'no runc', undefined, 'no runc']) {
    host = fault === undefined ? emptyHost() : new Error(fault);
    await reconcile();
  }
  expect(warnings).toEqual(['containers: no ip', 'containers: no runc', 'containers: no runc']);
});

it('tells the log once of an end that cannot be noted', async () => {
  const warnings: string[] = [];
  const logger = { ...pass.logger, warn: (_: object, message: string) => warnings.push(message) };
  // A file where there should be a folder.
  pass = { ...pass, logger, layout: layoutOf({ stateDir: '/dev/null', runDir: '/dev/null' }) };
  const stopped: ContainerSpec = { ...web, want: 'stopped' };
  host = emptyHost();
  for (let looks = 0; looks < 3; looks++)
    expect(await reconcile(stopped)).toMatchObject([{ state: 'stopped' }]);
  expect(warnings.map((one) => one.split(':')[0])).toEqual(['its end was not noted']);
});
