import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig({ names: ['causeway.example', 'Other.Example.'] });
});
afterEach(() => rig.close());

it.each([
  ...['localhost', 'localhost:7480', '127.0.0.1:7480', '10.0.0.11', '[::1]:7480', '[fe80::1%25eth0]:7480'],
  ...['host-1:7480', 'x', 'web.localhost', 'causeway.example:7480', 'CAUSEWAY.example.', 'other.example'],
])('answers what is asked of %s', async (host) => {
  expect((await rig.ask('GET', '/v1/nodes', undefined, { host })).status).toBe(200);
});

it.each([
  ...['rebound.example:7480', 'causeway.example.evil.example', '127.0.0.1.evil.example:7480'],
  ...['evil.localhost.example', '[evil.example]', '999.0.0.1'],
])('answers nothing to a page of %s, wherever that name leads', async (host) => {
  const before = rig.store.dump();
  const headers = { host, origin: `http://${host}`, 'content-type': 'application/json' };
  for (const [method, url] of [
    ['GET', '/v1/containers'],
    ['GET', '/nothing'],
    ['GET', '/openapi.json'],
    ['POST', '/v1/nodes/host-1/drain'],
  ] as const) {
    const { status, body } = await rig.ask(method, url, undefined, headers);
    const name = host.replace(':7480', '');
    expect([status, body.detail]).toEqual([
      421,
      `the request's Host "${host}" is no name of this controller: ask its address, or start it with --server-names "${name}"`,
    ]);
  }
  await rig.settled();
  expect(rig.store.dump()).toEqual(before);
});

it('repeats a long name in short', async () => {
  const host = `${'long.'.repeat(1_000)}example:7480`;
  const { body } = await rig.ask('GET', '/v1/nodes', undefined, { host });
  expect(body.detail).toContain('is no name of this controller');
  expect(body.detail.length).toBeLessThan(400);
});
