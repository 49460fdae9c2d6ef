import type { NetworkPolicyInput } from '@causeway/shared/model/network-policy-input';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, refused, running, startRig, WEB_1 } from '../../test/support/controller.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await startRig();
});

afterEach(() => rig.close());

const URL = '/v1/policies';
const GUARD: NetworkPolicyInput = {
  name: 'guard',
  subjects: { labels: { app: 'db' } },
  ingress: {
    default: 'deny',
    rules: [
      { action: 'allow', peers: { labels: { app: 'web' } }, ports: [{ port: 5432 }] },
      { action: 'deny', peers: { cidrs: ['10.9.0.7/16', '203.0.113.8'], containers: ['web-1'] } },
    ],
  },
};

const peersOf = async (name: string) => {
  await rig.settled();
  return JSON.parse(rig.store.dump()[keys.policyPeers(name)] ?? '{}').rules;
};
function container(name: string, labels: Record<string, string>, address: string, host = 'host-1'): void {
  rig.store.put(keys.container(name), encode({ ...WEB_1, name, labels, host }));
  rig.store.put(keys.containerStatus(name), encode(running(name, host, address)));
}

describe('a policy', () => {
  it('is made with whom it means in one transaction, shown, replaced and removed', async () => {
    const made = await rig.ask('POST', URL, GUARD);
    expect(made).toMatchObject({
      status: 201,
      headers: { location: '/v1/policies/guard', etag: expect.any(String) },
      body: {
        name: 'guard',
        ingress: {
          default: 'deny',
          rules: [
            { action: 'allow', ports: [{ protocol: 'tcp', port: 5432 }] },
            { action: 'deny', peers: { cidrs: ['10.9.0.0/16', '203.0.113.8/32'], containers: ['web-1'] } },
          ],
        },
        status: { peers: 1, warnings: [] },
      },
    });
    const { written } = rig.store;
    expect(await peersOf('guard')).toEqual([
      { side: 'ingress', rule: 0, addresses: [] },
      { side: 'ingress', rule: 1, addresses: ['10.10.1.2'] },
    ]);
    expect(rig.store.written).toBe(written);
    expect((await rig.ask('GET', `${URL}/guard`)).body).toEqual(made.body);
    expect((await rig.ask('GET', URL)).body.items).toEqual([made.body]);
    expect(await rig.ask('POST', URL, GUARD)).toMatchObject({ status: 200, body: made.body });
    expect((await rig.ask('POST', URL, { ...GUARD, subjects: {} })).status).toBe(409);

    const open = { subjects: {}, egress: { rules: [] } };
    expect((await rig.ask('PUT', `${URL}/guard`, open, { 'if-match': '"1"' })).status).toBe(412);
    const replaced = await rig.ask('PUT', `${URL}/guard`, open, { 'if-match': String(made.headers.etag) });
    expect(replaced.body).toEqual({
      ...{ name: 'guard', subjects: {}, egress: { rules: [] }, status: { peers: 0, warnings: [] } },
      revision: expect.any(Number),
    });
    expect(await peersOf('guard')).toEqual([]);
    expect((await rig.ask('DELETE', `${URL}/guard`)).status).toBe(200);
    expect(Object.keys(rig.store.dump()).filter((key) => key.startsWith(keys.policyPrefix))).toEqual([]);
    expect((await rig.ask('GET', `${URL}/guard`)).status).toBe(404);
    expect((await rig.ask('DELETE', `${URL}/guard`)).status).toBe(404);
  });

  it('is only looked at by a dry run', async () => {
    const before = rig.store.dump();
    expect((await rig.ask('POST', `${URL}?dryRun`, GUARD)).status).toBe(200);
    expect(rig.store.dump()).toEqual(before);
  });

  it('means containers, that it lists, and warns of names that nobody has', async () => {
    container('db-1', { app: 'db' }, '10.10.1.3');
    await rig.settled();
    const warned = await rig.ask('POST', URL, {
      ...GUARD,
      subjects: { containers: ['nobody'], labels: { app: 'db' } },
      egress: { rules: [{ action: 'deny', peers: { containers: ['ghost'] } }] },
    });
    expect(warned.body.status.warnings).toEqual([
      'subjects: there is no container "nobody"',
      'peers: there is no container or workload "ghost"',
    ]);
    expect((await rig.ask('GET', `${URL}/guard/subjects`)).body).toEqual({
      items: [{ name: 'db-1', host: 'host-1', addresses: ['10.10.1.3'] }],
    });
    rig.store.put(
      keys.container('db-1'),
      encode({ ...WEB_1, name: 'db-1', labels: { app: 'db' }, network: { kind: 'host' } }),
    );
    await rig.settled();
    expect((await rig.ask('GET', `${URL}/guard/subjects`)).body).toEqual({
      items: [{ name: 'db-1', host: 'host-1', addresses: [], unruled: 'host' }],
    });
    expect((await rig.ask('GET', `${URL}/guard/peers`)).body.items).toHaveLength(3);
  });
});

describe('whom a policy means', () => {
  beforeEach(() => rig.ask('POST', URL, GUARD));
  const selected = async () => (await peersOf('guard'))[0].addresses;
  const named = async () => (await peersOf('guard'))[1].addresses;

  it('follows containers with their labels, wherever they are, and workloads', async () => {
    container('web-2', { app: 'web', tier: 'x' }, '10.10.2.2', 'host-2');
    expect(await selected()).toEqual(['10.10.2.2']);
    await rig.ask('POST', '/v1/workloads', {
      name: 'old',
      addresses: ['203.0.113.8'],
      labels: { app: 'web' },
    });
    expect(await selected()).toEqual(['10.10.2.2', '203.0.113.8']);
    container('web-2', { app: 'web' }, '10.10.2.77', 'host-2');
    expect(await selected()).toEqual(['10.10.2.77', '203.0.113.8']);
    container('web-2', { app: 'other' }, '10.10.2.77', 'host-2');
    await rig.ask('DELETE', '/v1/workloads/old');
    expect(await selected()).toEqual([]);
  });

  it('follows a name, and keeps the address of one that does not run', async () => {
    rig.store.put(
      keys.containerStatus('web-1'),
      encode({ ...running('web-1', 'host-1', '10.10.1.9'), state: 'stopped' }),
    );
    expect(await named()).toEqual(['10.10.1.9']);
    rig.store.remove(keys.container('web-1'));
    expect(await named()).toEqual([]);
  });

  it('goes on denying what can be read no more, and writes over what somebody spoilt', async () => {
    rig.store.put(keys.containerStatus('web-1'), '{');
    expect(await named()).toEqual(['10.10.1.2']);
    rig.store.put(keys.policyPeers('guard'), '{');
    expect(await named()).toEqual(['10.10.1.2']);
  });

  it('writes nothing for a change that concerns it in nothing', async () => {
    await peersOf('guard');
    const before = await rig.store.get(keys.policyPeers('guard'));
    container('other', { app: 'other' }, '10.10.1.50');
    await peersOf('guard');
    expect(await rig.store.get(keys.policyPeers('guard'))).toEqual(before);
  });
});

describe('what is wrong is one sentence with field and value', () => {
  const rule = { action: 'deny' };
  const side = (more: object) => ({ name: 'p', subjects: {}, ingress: { rules: [{ ...rule, ...more }] } });
  it.each([
    [{ subjects: {}, ingress: {} }, 'name', 'name is missing'],
    [{ name: 'p', ingress: {} }, 'subjects', 'subjects is missing'],
    [{ name: 'p', subjects: {} }, 'ingress', 'a policy without both says nothing'],
    [{ name: 'P', subjects: {}, ingress: {} }, 'name', '"P" is not a name'],
    [{ name: 'p', subjects: { labels: {} }, ingress: {} }, 'subjects.labels', 'is empty'],
    [{ name: 'p', subjects: {}, ingres: {} }, 'ingres', 'is not a known field'],
    [{ name: 'p', subjects: {}, ingress: { default: 'drop' } }, 'ingress.default', '"drop" is not an action'],
    [side({ action: 'reject' }), 'ingress.rules[0].action', '"reject" is not an action'],
    [side({ peers: {} }), 'ingress.rules[0].peers', 'names nobody'],
    [side({ peers: { cidrs: [] } }), 'ingress.rules[0].peers.cidrs', 'is empty'],
    [side({ peers: { cidrs: ['10.0.0.0/33'] } }), 'ingress.rules[0].peers.cidrs[0]', '"10.0.0.0/33" is not'],
    [side({ peers: { cidrs: ['::ffff:10.0.0.1'] } }), 'ingress.rules[0].peers.cidrs[0]', 'words of IPv6'],
    [side({ peers: { who: 1 } }), 'ingress.rules[0].peers.who', 'is not a known field'],
    [side({ ports: [{ port: 0 }] }), 'ingress.rules[0].ports[0].port', '0 is not a port'],
    [side({ ports: [{ endPort: 80 }] }), 'ingress.rules[0].ports[0].endPort', 'ends a range'],
    [side({ ports: [{ port: 90, endPort: 80 }] }), 'ingress.rules[0].ports[0].endPort', '80 is below'],
    [
      side({ ports: [{ protocol: 'icmp' }] }),
      'ingress.rules[0].ports[0].protocol',
      '"icmp" is not a protocol',
    ],
    [
      side({ limit: { connections: 1, per: 'minute' } }),
      'ingress.rules[0].limit',
      'only "allow" can have a limit',
    ],
    [
      side({ action: 'allow', limit: { connections: 0, per: 'minute' } }),
      'ingress.rules[0].limit.connections',
      '0 is not a number of connections',
    ],
    [
      side({ action: 'allow', limit: { connections: 1, per: 'day' } }),
      'ingress.rules[0].limit.per',
      '"day" is not',
    ],
  ])('%j', async (body, field, text) => {
    const answer = await refused(rig, 'POST', URL, body);
    expect(answer).toMatchObject({ status: 422, field });
    expect(answer.detail).toContain(text);
  });
});
