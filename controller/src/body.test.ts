import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.close());

describe('a request of a page of another site', () => {
  const PAGE = { origin: 'https://elsewhere.example' };

  it.each<[url: string, type: string | undefined]>([
    ['/v1/nodes/host-1/drain', undefined],
    ['/v1/nodes/host-1/reserve', 'text/plain'],
    ['/v1/nodes/host-1/release', 'application/x-www-form-urlencoded'],
    ['/v1/network/confirm', undefined],
  ])('changes nothing without a body either: %s as %s', async (url, type) => {
    const before = rig.store.dump();
    const headers = type === undefined ? PAGE : { ...PAGE, 'content-type': type };
    const { status, body } = await rig.ask('POST', url, undefined, headers);
    expect([status, body.detail]).toEqual([415, expect.stringContaining('is not "application/json"')]);
    await rig.settled();
    expect(rig.store.dump()).toEqual(before);
  });

  it('is taken when it asked first, or when it only reads', async () => {
    const asked = { ...PAGE, 'content-type': 'application/json' };
    expect((await rig.ask('POST', '/v1/nodes/host-1/drain', undefined, asked)).status).toBe(200);
    expect(rig.store.dump()).toHaveProperty([keys.nodePolicy('host-1')]);
    expect((await rig.ask('GET', '/v1/nodes', undefined, PAGE)).status).toBe(200);
  });
});

it.each([
  ['application/x-www-form-urlencoded', 'a'.repeat(2 * 1024 * 1024)],
  ['application/json', '{}'],
])('says which type an archive has, of whatever length, that comes as %s', async (type, payload) => {
  const headers = { 'content-type': type };
  const answer = await rig.app.inject({ method: 'POST', url: '/v1/images?name=web', headers, payload });
  const detail = `the body's Content-Type "${type}" is not "application/x-tar"`;
  expect([answer.statusCode, answer.json().detail]).toEqual([415, detail]);
});
