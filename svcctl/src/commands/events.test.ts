import { describe, expect, it } from 'vitest';
import { run } from '../cli.ts';
import { node, problem } from '../support/fake-controller.ts';
import { fakeIo } from '../support/fake-io.ts';
import { useSession } from '../support/session.ts';

const session = useSession();
const { controller, svcctl } = session;

const event = (sequence: number, changes: object = {}) => ({
  node: 'host-1',
  sequence,
  at: `2026-01-01T00:00:0${sequence}.000Z`,
  kind: 'fenced',
  severity: 'warning',
  message: 'the lease is gone',
  revision: sequence,
  ...changes,
});

describe('svcctl events', () => {
  it('prints them as a table, or as what is asked for', async () => {
    controller.list('/v1/events', [event(1), event(2, { message: 'odd\u001b[31m' })]);
    const { stdout } = await svcctl(['events']);
    expect(stdout).toMatch(
      /^TIME +NODE +SEVERITY +KIND +MESSAGE\n2026-01-01T00:00:01\.000Z +host-1 +warning +fenced /,
    );
    expect(stdout).not.toContain('\u001b');
    expect(JSON.parse((await svcctl(['events', '-o', 'json'])).stdout).items).toHaveLength(2);
  });

  it('asks for those of one host, which must be there', async () => {
    controller.list('/v1/events', []).answer('GET', '/v1/nodes/host-1', { body: node('host-1', 1) });
    expect(await svcctl(['events', '--host', 'host-1'])).toMatchObject({
      code: 0,
      stderr: 'svcctl: there are no events\n',
    });
    expect(controller.asked.at(-1)).toMatchObject({ path: '/v1/events', query: { host: 'host-1' } });
    controller.answer('GET', '/v1/nodes/host-9', problem('not-found', 404, 'there is no host "host-9"'));
    expect((await svcctl(['events', '--host', 'host-9', '--follow'])).code).toBe(3);
  });

  it('goes on with every event', async () => {
    controller.list('/v1/events', [event(1)]);
    const io = fakeIo({ env: session.env });
    const second = new Promise<void>((resolve) => {
      const out = (text: string): void => {
        io.out(text);
        if (io.stdout().includes('the second')) resolve();
      };
      void run(['events', '--follow', '-o', 'json'], { ...io, out });
    });
    await controller.watched('/v1/events');
    controller.send('/v1/events', 'added', event(2, { message: 'the second' }));
    await second;
    const told = io
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).object.sequence);
    expect(told).toEqual([1, 2]);
  });
});
