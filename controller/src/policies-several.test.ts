import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Rig, refused, startRig } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});

afterEach(() => rig.close());

const URL = '/v1/policies';
const open = (name: string, cidr: string) => ({
  ...{ name, subjects: {} },
  egress: { rules: [{ action: 'deny', peers: { cidrs: [cidr] } }] },
});
const put = (...items: readonly unknown[]) => rig.ask('PATCH', URL, { items });
const spec = (name: string) => rig.store.get(keys.policySpec(name));

describe('several policies', () => {
  it('are made and replaced in one transaction, and others stay', async () => {
    await rig.ask('POST', URL, open('guard', '203.0.113.9'));
    await rig.ask('POST', URL, open('a', '203.0.113.1'));
    const [guard, before] = [await spec('guard'), await spec('a')];
    const done = await put(open('a', '203.0.113.2'), open('b', '203.0.113.3'));
    const [a, b] = [await spec('a'), await spec('b')];
    expect(a?.modRevision).toBe(b?.modRevision);
    expect(a?.modRevision).toBeGreaterThan(before?.modRevision ?? 0);
    expect(done).toMatchObject({
      status: 200,
      headers: { 'x-causeway-revision': String(a?.modRevision) },
      body: { items: [{ name: 'a', revision: a?.modRevision }, { name: 'b' }] },
    });
    expect(await spec('guard')).toEqual(guard);
    const peers = await rig.store.get(keys.policyPeers('b'));
    expect([JSON.parse(peers?.value ?? '{}').rules, peers?.modRevision]).toEqual([[], b?.modRevision]);
    // Again: nothing is written, and what was is told.
    const again = await put(open('a', '203.0.113.2'), open('b', '203.0.113.3'));
    expect(again.headers['x-causeway-revision']).toBe(String(a?.modRevision));
    expect(await spec('a')).toEqual(a);
  });

  it('are all refused for one', async () => {
    const before = rig.store.dump();
    const limit = { connections: 1, per: 'minute' };
    const bad = { ...open('b', '203.0.113.3'), ingress: { rules: [{ action: 'deny', limit }] } };
    const answer = await refused(rig, 'PATCH', URL, { items: [open('a', '203.0.113.2'), bad] });
    expect(answer).toMatchObject({ status: 422, field: 'items[1].ingress.rules[0].limit' });
    const twice = { items: [open('a', '203.0.113.2'), open('a', '203.0.113.3')] };
    expect(await refused(rig, 'PATCH', URL, twice)).toMatchObject({ status: 422, field: 'items[1].name' });
    const many = { items: Array.from({ length: 65 }, (_, i) => open(`p-${i}`, '203.0.113.3')) };
    expect(await refused(rig, 'PATCH', URL, many)).toMatchObject({
      ...{ status: 422, field: 'items' },
      detail:
        'items: 65 policies are new or different, and at most 64 are written at once: part them into several requests',
    });
    expect((await refused(rig, 'PATCH', URL, { items: [] })).field).toBe('items');
    const get = vi.spyOn(rig.store, 'get');
    const tooMany = { items: Array.from({ length: 1_001 }, (_, i) => open(`p-${i}`, '203.0.113.3')) };
    expect(await refused(rig, 'PATCH', URL, tooMany)).toMatchObject({
      ...{ status: 422, field: 'items', detail: expect.stringContaining('has more than 1000 policies') },
    });
    expect(get).not.toHaveBeenCalled();
    expect((await rig.ask('PATCH', `${URL}?dryRun`, { items: [open('a', '203.0.113.2')] })).status).toBe(200);
    expect(rig.store.dump()).toEqual(before);
  });

  it('are read some at a time', async () => {
    const { get } = rig.store;
    let [now, most] = [0, 0];
    vi.spyOn(rig.store, 'get').mockImplementation(async (key) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
      return get.call(rig.store, key);
    });
    await put(...Array.from({ length: 200 }, (_, i) => open(`p-${i}`, '203.0.113.3')));
    expect(most).toBe(50);
  });

  it('lose nothing of what somebody else writes in the same moment', async () => {
    await rig.ask('POST', URL, open('a', '203.0.113.1'));
    const { transaction } = rig.store;
    let rival = true;
    rig.store.transaction = async (guards, writes) => {
      if (rival) {
        rival = false;
        rig.store.put(keys.policySpec('a'), { ...open('a', '203.0.113.9') });
      }
      return transaction.call(rig.store, guards, writes);
    };
    await put(open('a', '203.0.113.2'), open('b', '203.0.113.3'));
    expect((await spec('a'))?.value).toContain('203.0.113.2/32');
    expect((await spec('a'))?.modRevision).toBe((await spec('b'))?.modRevision);
  });
});

it('a policy is written with pauses and an end while others are faster every time', async () => {
  await rig.ask('POST', URL, open('guard', '203.0.113.1'));
  vi.spyOn(rig.store, 'transaction').mockImplementation(async () => ({ ok: false, revision: 1 }));
  const faster = 'others changed the same things 20 times in between; try again';
  const other = open('guard', '203.0.113.2');
  for (const [method, url, body, doing] of [
    ['PUT', `${URL}/guard`, other, 'changing policy "guard"'],
    ['PATCH', URL, { items: [other] }, 'changing several policies'],
    ['DELETE', `${URL}/guard`, undefined, 'removing policy "guard"'],
  ] as const) {
    const { status, body: told } = await rig.ask(method, url, body);
    expect([status, told.detail]).toEqual([409, `${doing}: ${faster}`]);
  }
});
