import { expect, it, vi } from 'vitest';
import { useRig } from '../../test/support/controller-uses.ts';
import { attempts } from './attempts.ts';

const { pauses } = vi.hoisted(() => ({ pauses: [] as number[] }));
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: async (milliseconds: number) => void pauses.push(milliseconds),
}));

const own = useRig();
const LAST = 'others changed the same things 20 times in between; try again';

it('tells how often it was tried, and pauses from the second time on', async () => {
  pauses.length = 0;
  const seen: number[] = [];
  const act = async (before: number) => {
    seen.push(before);
    return before === 3 ? 'done' : undefined;
  };
  expect(await attempts('changing it', act)).toBe('done');
  expect(seen).toEqual([0, 1, 2, 3]);
  expect(pauses).toHaveLength(2);
});

it.each<['PUT' | 'POST' | 'PATCH', string, object | undefined, string]>([
  ['PUT', '/v1/services/web', { vip: '2.2.2.2', ports: [{ port: 80 }] }, 'changing service "web"'],
  ['POST', '/v1/services', { ports: [{ port: 80 }] }, 'changing service with a new name'],
  ['POST', '/v1/nodes/host-1/cordon', undefined, 'changing host "host-1"'],
  ['PATCH', '/v1/settings', { nodePortMax: 31000 }, 'changing the settings'],
  ['PATCH', '/v1/network?renumber=true', { network: '10.64.0.0/16' }, "changing the network's configuration"],
  ['PUT', '/v1/workloads/db', { addresses: ['203.0.113.7'] }, 'changing workload "db"'],
  ['POST', '/v1/containers', { name: 'box', host: 'host-1', command: ['x'] }, 'changing container "box"'],
])('%s %s comes to an end while others are faster every time', async (method, path, body, doing) => {
  vi.spyOn(own.rig.store, 'transaction').mockImplementation(async () => ({ ok: false, revision: 1 }));
  const { status, body: told } = await own.rig.ask(method, path, body);
  expect([status, told.detail]).toEqual([409, `${doing}: ${LAST}`]);
});
