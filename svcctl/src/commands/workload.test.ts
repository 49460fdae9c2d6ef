import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const DB = { name: 'db-1', addresses: ['203.0.113.8', 'fd00:113::8'], labels: { app: 'db' }, revision: 4 };
const LINE = ['workload', 'add', 'db-1', '203.0.113.8', 'fd00:113::8', '--label', 'app=db'];

describe('svcctl workload', () => {
  it('registers one, and says when it was there', async () => {
    controller.answer('POST', '/v1/workloads', { status: 201, body: DB });
    const { stdout } = await svcctl(LINE);
    expect(stdout).toBe('workload/db-1 created  203.0.113.8, fd00:113::8\n');
    const { name, addresses, labels } = DB;
    expect(controller.asked[0]?.body).toEqual({ name, addresses, labels });
    controller.answer('POST', '/v1/workloads', { status: 200, body: DB });
    expect((await svcctl(LINE)).stdout).toBe('workload/db-1 unchanged  203.0.113.8, fd00:113::8\n');
  });

  it('says of a dry run that it is one', async () => {
    controller.answer('POST', '/v1/workloads', { status: 200, body: { ...DB, revision: 0 } });
    expect((await svcctl([...LINE, '--dry-run'])).stdout).toMatch(/^workload\/db-1 created \(dry run\) /);
    expect(controller.writes()).toEqual(['POST /v1/workloads?dryRun']);
  });

  it('forgets one, by name or as other commands print it', async () => {
    controller.on(({ method }) => (method === 'DELETE' ? { body: {} } : undefined));
    for (const which of ['db-1', 'workload/db-1'])
      expect((await svcctl(['workload', 'rm', which])).stdout).toBe('workload/db-1 deleted\n');
    expect(controller.writes()).toEqual(Array(2).fill('DELETE /v1/workloads/db-1'));
  });

  it('lists them, as get does', async () => {
    controller.list('/v1/workloads', [DB]).answer('GET', '/v1/workloads/db-1', { body: DB });
    const table = 'NAME   ADDRESSES                 LABELS\n' + 'db-1   203.0.113.8,fd00:113::8   app=db\n';
    for (const argv of [
      ['workload', 'list'],
      ['get', 'workloads'],
      ['get', 'wl', 'db-1'],
    ])
      expect((await svcctl(argv)).stdout).toBe(table);
    controller.list('/v1/workloads', []);
    expect((await svcctl(['workload', 'list'])).stderr).toBe('svcctl: there are no workloads\n');
  });

  it.each([
    ['addresses[1]', 'addresses[1] "x" is not an address', 'address "x" is not an address'],
    ['labels.app', 'labels.app "ü" is not a label’s value', 'label "ü" is not a label’s value'],
    ['name', 'name "db-1" is taken by a container', 'name "db-1" is taken by a container'],
  ])('tells what is wrong with %s by what was typed', async (field, detail, said) => {
    controller.answer('POST', '/v1/workloads', problem('invalid', 422, detail, field));
    expect(await svcctl(LINE)).toEqual({ code: 2, stdout: '', stderr: `svcctl: ${said}\n` });
  });

  it.each([
    [['add', 'db-1'], "missing required argument 'address'"],
    [['add', 'db-1', '203.0.113.8', '--label', 'db'], 'label "db" is not KEY=VALUE'],
    [['rm', '../nodes'], 'type "../nodes" is none of workloads'],
    [['rm', 'service/web'], 'type "service/web" is none of workloads'],
  ])('%j is refused and asks nobody', async (argv, sentence) => {
    const { code, stderr } = await svcctl(['workload', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain(`svcctl: ${sentence}`);
    expect(controller.asked).toEqual([]);
  });
});
