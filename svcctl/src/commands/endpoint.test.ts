import { beforeEach, describe, expect, it } from 'vitest';
import { node, problem, service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

interface Ref {
  readonly to: string;
  readonly weight?: number;
  readonly drain?: object;
}

/** A service of `a:1`, whose endpoints are added and changed as the controller does it. */
let held: Ref[] = [];
beforeEach(() => {
  held = [{ to: 'a:1' }];
  controller.on(({ method, path, body, query }) => {
    const before = held;
    if (method === 'POST') {
      const ref = body as Ref;
      held = [...held.filter(({ to }) => to !== ref.to), { ...held.find(({ to }) => to === ref.to), ...ref }];
    }
    if (method === 'PATCH') held = held.map((ref) => patched(ref, path, body as { drain?: unknown }));
    const answer = { body: service('web', { endpoints: held, revision: 9 }) };
    if (query.dryRun) held = before;
    return method === 'DELETE' ? { body: {} } : answer;
  });
});

function patched(ref: Ref, path: string, { drain, ...rest }: { drain?: unknown }): Ref {
  if (!path.endsWith(`/${encodeURIComponent(ref.to)}`)) return ref;
  const { drain: drained, ...bare } = ref;
  if (drain === undefined) return { ...ref, ...rest };
  return drain === false ? { ...bare, ...rest } : { ...bare, ...rest, drain: drained ?? {} };
}

const asked = (method: string) =>
  controller.asked.filter((one) => one.method === method).map(({ path, body }) => [path, body]);

describe('svcctl endpoint add', () => {
  it('adds, and says when there was nothing to add', async () => {
    const { code, stdout } = await svcctl(['endpoint', 'add', 'web', 'a:1', '10.10.1.2:80']);
    expect([code, stdout]).toEqual([0, 'endpoint/web/a:1 unchanged\nendpoint/web/10.10.1.2:80 added\n']);
    expect(asked('POST')).toEqual([
      ['/v1/services/web/endpoints', { to: 'a:1' }],
      ['/v1/services/web/endpoints', { to: '10.10.1.2:80' }],
    ]);
  });

  it('takes a weight, also for one that is there', async () => {
    expect((await svcctl(['endpoint', 'add', 'web', 'b,weight=3', 'a:1,weight=2'])).stdout).toBe(
      'endpoint/web/b added\nendpoint/web/a:1 weighs 2\n',
    );
    expect(held).toEqual([
      { to: 'b', weight: 3 },
      { to: 'a:1', weight: 2 },
    ]);
  });

  it('looks at all targets before it adds the first', async () => {
    const { code, stderr } = await svcctl(['endpoint', 'add', 'web', 'b', 'c,weight=x']);
    expect([code, stderr]).toEqual([
      2,
      'svcctl: target "c,weight=x" has "x", which is not a weight: a whole number from 0 to 100\n',
    ]);
    expect(controller.asked).toEqual([]);
  });
});

it('svcctl endpoint rm removes', async () => {
  expect((await svcctl(['endpoint', 'rm', 'web', '10.10.1.2:80'])).stdout).toBe(
    'endpoint/web/10.10.1.2:80 removed\n',
  );
  expect(controller.asked[0]?.path).toBe('/v1/services/web/endpoints/10.10.1.2%3A80');
});

describe('svcctl endpoint weight', () => {
  it('changes the weight, and says when it was that already', async () => {
    expect((await svcctl(['endpoint', 'weight', 'web', 'a:1', '3'])).stdout).toBe(
      'endpoint/web/a:1 weighs 3\n',
    );
    expect((await svcctl(['endpoint', 'weight', 'service/web', 'a:1', '3'])).stdout).toBe(
      'endpoint/web/a:1 unchanged\n',
    );
    expect(asked('PATCH')).toEqual(Array(2).fill(['/v1/services/web/endpoints/a%3A1', { weight: 3 }]));
  });

  it('waits for the hosts', async () => {
    controller.list('/v1/nodes', [node('host-1', 9)]);
    const { stdout } = await svcctl(['endpoint', 'weight', 'web', 'a:1', '0', '--wait']);
    expect(stdout).toMatch(/^endpoint\/web\/a:1 weighs 0\n {2}host-1 {2}applied after/);
  });

  it('passes on what the controller says', async () => {
    controller.on(({ method }) =>
      method === 'PATCH'
        ? problem('not-found', 404, 'service "web" has no endpoint "b"; it has a:1')
        : undefined,
    );
    expect(await svcctl(['endpoint', 'weight', 'web', 'b', '1'])).toEqual({
      ...{ code: 3, stdout: '' },
      stderr: 'svcctl: service "web" has no endpoint "b"; it has a:1\n',
    });
  });
});

describe('svcctl endpoint drain', () => {
  it('drains, and undoes it', async () => {
    expect((await svcctl(['endpoint', 'drain', 'web', 'a:1'])).stdout).toBe('endpoint/web/a:1 draining\n');
    expect((await svcctl(['endpoint', 'drain', 'web', 'a:1'])).stdout).toBe('endpoint/web/a:1 unchanged\n');
    expect((await svcctl(['endpoint', 'drain', 'web', 'a:1', '--undo'])).stdout).toBe(
      'endpoint/web/a:1 used again\n',
    );
    expect(asked('PATCH').map(([, body]) => body)).toEqual([
      { drain: true },
      { drain: true },
      { drain: false },
    ]);
  });

  it('takes a deadline, in whole seconds', async () => {
    expect((await svcctl(['endpoint', 'drain', 'web', 'a:1', '--deadline', '2m', '--dry-run'])).stdout).toBe(
      'endpoint/web/a:1 draining, cut in 120 s (dry run)\n',
    );
    expect(asked('PATCH')).toEqual([
      ['/v1/services/web/endpoints/a%3A1', { drain: { deadlineSeconds: 120 } }],
    ]);
    expect(controller.writes()).toEqual(['PATCH /v1/services/web/endpoints/a%3A1?dryRun']);
    expect((await svcctl(['endpoint', 'drain', 'web', 'a:1', '--deadline', '0s'])).stdout).toBe(
      'endpoint/web/a:1 drained\n',
    );
    expect(asked('PATCH').at(-1)?.[1]).toEqual({ drain: { deadlineSeconds: 0 } });
  });
});

describe('svcctl endpoint list', () => {
  it('says where each is, how it is, and why', async () => {
    controller.list('/v1/services/web/endpoints', [
      { portName: '', address: '10.10.1.2', port: 80, ref: 'a', container: 'a', node: 'host-1' },
      {
        ...{ portName: '', address: 'fd00::2', port: 80, ref: 'b', node: 'host-2', weight: 3 },
        ...{ state: 'unready', reason: 'connection refused', checkedBy: 'host-2' },
      },
    ]);
    expect((await svcctl(['endpoint', 'list', 'web'])).stdout).toBe(
      'SERVICE   ENDPOINT       STATE     WEIGHT   CONTAINER   NODE     REASON\n' +
        'web       10.10.1.2:80   ready     1        a           host-1   -\n' +
        'web       [fd00::2]:80   unready   3        -           host-2   connection refused\n',
    );
    expect((await svcctl(['endpoint', 'list', 'web', '-o', 'name'])).stdout).toBe(
      'endpoint/web/10.10.1.2:80\nendpoint/web/[fd00::2]:80\n',
    );
  });

  it('says that there are none', async () => {
    controller.list('/v1/services/web/endpoints', []);
    expect(await svcctl(['endpoint', 'list', 'web'])).toEqual({
      code: 0,
      stdout: '',
      stderr: 'svcctl: service "web" has no endpoints: connections are refused\n',
    });
  });
});

describe('svcctl endpoint', () => {
  it('alone shows its help and ends with 2', async () => {
    const { code, stdout, stderr } = await svcctl(['endpoint']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('svcctl endpoint add web 10.10.1.2:12345');
  });

  it.each([
    [['add', 'web', ''], 'target "" is empty'],
    [['rm', 'web', ''], 'target "" is empty'],
    [['weight', 'web', '', '1'], 'target "" is empty'],
    [['weight', 'web', 'a', '101'], 'weight "101" is not a weight: a whole number from 0 to 100'],
    [['weight', 'web', 'a'], "missing required argument 'weight'"],
    [['drain', 'web', 'a', '--deadline', 'soon'], 'deadline "soon" is not a length of time'],
    [['drain', 'web', 'a', '--deadline', '1500ms'], 'deadline "1500ms" is not a whole number of seconds'],
    [['drain', 'web', 'a', '--deadline', '1m', '--undo'], 'deadline "60s" and --undo exclude each other'],
    [['drain', '../x', 'a'], 'type "../x" is none of services'],
  ])('%j is refused in one sentence and asks nobody', async (argv, sentence) => {
    const { code, stdout, stderr } = await svcctl(['endpoint', ...argv]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`svcctl: ${sentence}`);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    expect(controller.asked).toEqual([]);
  });
});
