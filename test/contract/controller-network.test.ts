import type { View } from '@causeway/controller/view/view';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { beforeEach, describe, expect, it } from 'vitest';
import { host } from '../support/controller.ts';
import { ask, join, placeOf } from '../support/controller-hosts.ts';
import { useControllers } from '../support/controllers.ts';

/** Two controllers over one real etcd, and hosts as their agents write them. */
const two = useControllers({ patienceMs: 500 });
const { stored } = two;
const HOSTS = [1, 2, 3];

beforeEach(async () => {
  for (const number of HOSTS) await join(two, number);
});

describe('reservations asked for at the same time', () => {
  it('of one subnet are one host’s', async () => {
    const answers = await Promise.all(
      HOSTS.map((number) =>
        ask(two, number, 'POST', `/v1/nodes/host-${number}/reserve`, {
          ...{ subnet: '10.10.9.0/24', renumber: true },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const winner = answers.find(({ status }) => status === 200)?.body.name;
    expect(JSON.parse((await stored(keys.reservationPrefix))['10.10.9.0-24'] ?? '')).toEqual({
      subnet: '10.10.9.0/24',
      node: winner,
    });
    for (const { status, body } of answers)
      if (status === 409) expect(body.detail).toContain(`is reserved for host "${winner}"`);
  });

  it('and a lease that is taken: the subnet is the one’s or the other’s, never both', async () => {
    for (let subnet = 20; subnet < 40; subnet++) {
      const text = `10.10.${subnet}.0/24`;
      const [guards, writes] = placeOf(3, text);
      const [answer, taken] = await Promise.all([
        ask(two, subnet, 'POST', `/v1/nodes/host-9${subnet}/reserve`, { subnet: text, ahead: true }),
        two.at(subnet).store.transaction(guards, writes),
      ]);
      expect([answer.status, taken.ok]).toEqual(taken.ok ? [409, true] : [200, false]);
    }
  });

  it('of many hosts are all there', async () => {
    const answers = await Promise.all(HOSTS.map((n) => ask(two, n, 'POST', `/v1/nodes/host-${n}/reserve`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(Object.keys(await stored(keys.reservationPrefix))).toHaveLength(3);
  });

  it('and released leave one of both, whole', async () => {
    await ask(two, 0, 'POST', '/v1/nodes/host-1/reserve');
    const answers = await Promise.all([
      ask(two, 0, 'POST', '/v1/nodes/host-1/release'),
      ask(two, 1, 'POST', '/v1/nodes/host-1/reserve'),
      ask(two, 1, 'POST', '/v1/nodes/host-1/release'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('a host that is given up', () => {
  it('comes back in the middle, and keeps all of its place', async () => {
    const { store } = two.at(0);
    const { name, id } = host(2);
    await store.transaction([], [{ delete: keys.alive(name) }]);
    const [answer] = await Promise.all([
      ask(two, 1, 'POST', `/v1/nodes/${name}/release`, { lease: true }),
      store.transaction([], [{ put: keys.alive(name), value: encode({ id, instance: 'two' }) }]),
    ]);
    const place = [
      (await stored(keys.claimPrefix))['10.10.2.0-24'],
      (await stored(keys.subnetPrefix))['10.10.2.0-24'],
      (await stored(keys.nodePrefix))[name],
    ].filter((value) => value !== undefined);
    expect(place).toHaveLength(answer.status === 200 ? 0 : 3);
    expect([200, 409]).toContain(answer.status);
  });

  it('is given up by two at once without harm', async () => {
    await two.at(0).store.transaction([], [{ delete: keys.alive('host-2') }]);
    const answers = await Promise.all(
      [0, 1].map((n) => ask(two, n, 'POST', '/v1/nodes/host-2/release', { lease: true })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(Object.keys(await stored(keys.subnetPrefix)).sort()).toEqual(['10.10.1.0-24', '10.10.3.0-24']);
  });
});

describe('the network changed at the same time', () => {
  it('has both changes, since each is planned from what the other left', async () => {
    const answers = await Promise.all([
      ask(two, 0, 'PATCH', '/v1/network', { networkIpv6: 'fd00:10::/48' }),
      ask(two, 1, 'PATCH', '/v1/network', { masquerade: false }),
      ask(two, 0, 'PATCH', '/v1/network', { backend: 'vxlan' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const config = JSON.parse((await two.at(0).store.get(keys.networkConfig))?.value ?? '');
    expect(config).toMatchObject({
      ...{ Network: '10.10.0.0/16', IPv6Network: 'fd00:10::/48', Masquerade: false },
      Backend: { Type: 'vxlan' },
    });
  });

  it('and confirmed: nobody confirms what he has not seen', async () => {
    const { store } = two.at(0);
    const before = (await store.get(keys.networkConfig))?.value ?? '';
    const other = (network: string) => JSON.stringify({ Network: network, Backend: { Type: 'host-gw' } });
    const { revision } = await store.transaction(
      [],
      [
        { put: keys.acceptedNetwork, value: before },
        { put: keys.networkConfig, value: other('10.20.0.0/16') },
      ],
    );
    // The two keys come by two watches, in either order.
    const seenBy = ({ view }: { readonly view: View }) => [
      view.reached('network', revision, 5_000),
      view.reached('causeway', revision, 5_000),
    ];
    expect(await Promise.all(two.all.flatMap(seenBy))).not.toContain(false);
    const seen = (await ask(two, 0, 'GET', '/v1/network')).body.refused.config.fingerprint;
    const [confirmed] = await Promise.all([
      ask(two, 0, 'POST', '/v1/network/confirm', { fingerprint: seen }),
      store.transaction([], [{ put: keys.networkConfig, value: other('10.30.0.0/16') }]),
    ]);
    const config = JSON.parse((await store.get(keys.networkConfig))?.value ?? '');
    expect([200, 409]).toContain(confirmed.status);
    // Written after the confirmation, or before it: it is confirmed in neither case.
    expect(config).toEqual(JSON.parse(other('10.30.0.0/16')));
  });
});
