import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSession } from '../support/session.ts';

type Session = Awaited<ReturnType<typeof openSession>>;
let session: Session;
let controller: Session['controller'];
let svcctl: Session['svcctl'];

beforeEach(async () => {
  session = await openSession();
  ({ controller, svcctl } = session);
});
afterEach(() => session.close());

describe('svcctl run', () => {
  const RUN = ['run', 'web-1', '--host', 'host-1', '--label', 'app=web,tier=front'];
  const BOX = { name: 'web-1', host: 'host-1', command: ['httpd', '-f'], files: {}, revision: 5 };

  it('starts a container with labels', async () => {
    controller.answer('POST', '/v1/containers', { status: 201, body: BOX });
    expect((await svcctl([...RUN, '--', 'httpd', '-f', '--wait'])).stdout).toBe(
      'container/web-1 created  on host-1\n',
    );
    expect(controller.asked.map(({ body }) => body)).toEqual([
      {
        ...{ name: 'web-1', host: 'host-1', command: ['httpd', '-f', '--wait'] },
        labels: { app: 'web', tier: 'front' },
      },
    ]);
  });

  it('waits until it runs, or says why it does not', async () => {
    controller.answer('POST', '/v1/containers', { status: 200, body: BOX });
    const status = { name: 'web-1', host: 'host-1', state: 'running' };
    controller.list('/v1/containers', [{ ...BOX, status }]);
    expect(await svcctl([...RUN, '--wait', '--', 'httpd'])).toMatchObject({
      code: 0,
      stdout: 'container/web-1 unchanged  on host-1\n',
    });
    const failed = { ...status, state: 'failed', reason: 'no such program' };
    controller.list('/v1/containers', [{ ...BOX, status: failed }]);
    const { code, stderr } = await svcctl([...RUN, '--wait', '--', 'httpd']);
    expect(code).toBe(7);
    expect(stderr).toContain('container web-1 on host-1 does not run: no such program');
  });

  it.each([
    [['run', 'web-1', '--', 'httpd'], "required option '--host <name>' not specified"],
    [['run', 'web-1', '--host', 'host-1'], "missing required argument 'command'"],
    [[...RUN, '--label', 'x', '--', 'httpd'], 'label "x" is not KEY=VALUE'],
  ])('%j is refused and asks nobody', async (argv, sentence) => {
    const { code, stderr } = await svcctl(argv);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(controller.asked).toEqual([]);
  });
});
