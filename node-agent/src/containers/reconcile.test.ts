import type { ContainerSpec } from '@causeway/shared/model/container';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Observed } from './observe.ts';
import { layoutOf } from './places.ts';
import { bootId, identify } from './processes.ts';
import { type Pass, reconcilePass } from './reconcile.ts';
import { createRestarts } from './restarts.ts';
import { specHash } from './spec.ts';
import { createStops } from './stop.ts';

/** What the host shows, or the error that it shows nothing for. */
let host: Observed | Error;

vi.mock('./observe.ts', async (original) => ({
  ...(await original<typeof import('./observe.ts')>()),
  observe: async () => {
    if (host instanceof Error) throw host;
    return host;
  },
}));

const nothing: Observed = {
  ...{ running: new Map(), runc: new Set(), records: new Map(), netns: new Map(), attached: new Map() },
  ...{ links: new Map(), files: new Set(), exits: new Map(), mounted: new Set(), bootId: bootId() },
};
const network = { subnets: {}, gateways: {}, bridge: 'cwy0', mtu: 1500 };
/** One that needs neither a subnet nor a link. */
const web: ContainerSpec = {
  ...{ name: 'web', host: 'h', command: ['httpd'], files: {}, network: { kind: 'host' } },
};
const other: ContainerSpec = { ...web, name: 'other', attach: { kind: 'pid', id: '4294967295' } };
const LATER = 1e9;

let pass: Pass;
const lookedOutFor: string[][] = [];

beforeEach(() => {
  pass = {
    layout: layoutOf({ stateDir: '/nowhere/lib', runDir: '/nowhere/run' }),
    logger: { info: () => undefined, warn: () => undefined },
    ...{ restarts: createRestarts(), stops: createStops(), running: new Map(), gate: undefined },
    images: {
      take: async () => {
        throw new Error('nobody has it');
      },
    },
    attacher: {
      keep: async () => ({ state: 'running' }),
      onNeed: () => () => undefined,
      keepOnly: (names) => lookedOutFor.push([...names]),
    },
    ...{ tell: () => undefined, wake: () => undefined, now: () => 0 },
  };
});

const reconcile = (...specs: ContainerSpec[]) => reconcilePass(pass, specs, network, new Set());

/** The container runs: this process stands for its first one. */
function runs(): Observed {
  const me = identify(process.pid);
  if (me === undefined) throw new Error('this process is not alive');
  const record = { name: 'web', specHash: specHash(web), process: me };
  return {
    ...nothing,
    running: new Map([['web', { pid: me.pid, netns: 1 }]]),
    runc: new Set(['web']),
    records: new Map([['web', record]]),
  };
}

it('looks for no next start of a container that is removed before anything was made of it', async () => {
  host = nothing;
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

it('looks out for no container of others that is not wanted any more, attached or not', async () => {
  host = nothing;
  await reconcile(other);
  await reconcile();
  expect(lookedOutFor.slice(-2)).toEqual([['other'], []]);
});
