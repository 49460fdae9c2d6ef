import { keys } from '@causeway/shared/store/keys';
import { expect, it, vi } from 'vitest';
import { patient } from '../support/store.ts';
import { expectDistinct, host, hosts, onBothStores, SMALL, subnetsOf } from './lease-world.ts';

/** 48 subnets of /30: 10.10.0.4 to 10.10.0.192. */
const TWO_TOO_FEW = { ipv4: { network: '10.10.0.0/24', subnetLen: 30, subnetMax: '10.10.0.192' } };

onBothStores((world) => {
  it('gives 50 hosts that join at once 50 subnets', async () => {
    const members = await Promise.all(hosts(50).map((one) => world.join(one)));
    expectDistinct(members, { ipv4: 50 });
    const names = subnetsOf(members, 'ipv4').map((subnet) => subnet.replace('/', '-'));
    expect((await world.names(keys.subnetPrefix)).sort()).toEqual(names.sort());
    expect(await world.names(keys.claimPrefix)).toHaveLength(50);
  });

  it('of 50 that join at once with two subnets too few, two wait, say so, and get one each as it is given back', async () => {
    await world.configure(TWO_TOO_FEW);
    const members = await Promise.all(hosts(50).map((one) => world.join(one)));
    const winners = members.filter(({ subnets }) => subnets.ipv4 !== undefined);
    const waiting = members.filter(({ subnets }) => subnets.ipv4 === undefined);
    expectDistinct(winners, { ipv4: 48 });
    expect(waiting).toHaveLength(2);
    for (const member of waiting) {
      expect(member.waiting).toBe(
        `host "${member.record.name}" waits for a subnet: network 10.10.0.0/24 is too small: all 48 subnets of /30 ` +
          'from 10.10.0.4 to 10.10.0.192 are taken (48 leased); all hosts that have one are alive; ' +
          'give the network more subnets with `svcctl network set`',
      );
      expect(member.record.ipv4).toEqual(expect.not.objectContaining({ subnet: expect.anything() }));
    }
    expect(await world.names(keys.nodePrefix)).toHaveLength(50);

    const gone = winners.slice(0, 2);
    for (const member of gone) {
      member.stop();
      await member.ownership.revoke();
    }
    await vi.waitFor(() => expect(subnetsOf(waiting, 'ipv4')).toHaveLength(2), patient);
    expect(subnetsOf(waiting, 'ipv4').sort()).toEqual(subnetsOf(gone, 'ipv4').sort());
    expect(waiting.map((member) => member.waiting)).toEqual([undefined, undefined]);
  });

  it('names the hosts that are not alive, and what to do', async () => {
    await world.configure(SMALL);
    const members = [await world.join(host(1)), await world.join(host(2)), await world.join(host(3))];
    for (const member of members.slice(0, 2)) {
      member.stop();
      await world.remove(keys.alive(member.record.name));
    }
    expect((await world.join(host(4))).waiting).toContain(
      '2 hosts that are not alive (host-1, host-2) could give theirs back with `svcctl node release NAME --lease`',
    );
  });

  it('does not name a host by the name that it had before', async () => {
    await world.configure(SMALL);
    await world.join(host(1));
    await world.join(host(2));
    const third = await world.join(host(3));
    third.stop();
    await world.remove(keys.alive('host-3'));
    await world.join(host(3, { instance: 'second', node: { name: 'renamed' } }));
    expect((await world.join(host(4))).waiting).toContain('all hosts that have one are alive');
  });

  it('names a subnet so wide that it leaves nobody another', async () => {
    await world.configure(SMALL);
    await world.put(keys.subnet({ ipv4: '10.0.0.0/8' }), '{}');
    expect((await world.join(host(1))).waiting).toContain('are taken (1 leased, 10.0.0.0/8 as a whole)');
  });

  it.each(['reservation', 'claim', 'lease'] as const)(
    'a host that waits gets the subnet when its %s goes',
    async (kind) => {
      await world.configure(SMALL);
      await world.join(host(1));
      await world.join(host(2));
      const taken = await world.names(keys.claimPrefix);
      const free =
        ['10.10.0.4-30', '10.10.0.8-30', '10.10.0.12-30'].find((one) => !taken.includes(one)) ?? '';
      const subnet = free.replace('-', '/');
      const key = {
        reservation: keys.reservation(subnet),
        claim: keys.claim(subnet),
        lease: keys.subnet({ ipv4: subnet }),
      }[kind];
      await world.put(key, kind === 'reservation' ? { subnet, node: 'host-9' } : 'x');
      const { member, events, happens } = await world.observe(host(3));
      expect(member.subnets).toEqual({});
      await world.remove(key);
      await happens('moved');
      expect(events).toEqual([{ kind: 'moved', from: {}, to: { ipv4: subnet } }]);
      expect((await world.store.get(keys.node('host-3')))?.value).toContain(subnet);
    },
  );

  it('a host that waits gets what is reserved for it instead of for another', async () => {
    await world.configure(SMALL);
    const reserve = (node: string) =>
      world.put(keys.reservation('10.10.0.8/30'), { subnet: '10.10.0.8/30', node });
    await reserve('host-9');
    await world.join(host(1));
    await world.join(host(2));
    const { member, happens } = await world.observe(host(3));
    expect(member.subnets).toEqual({});
    await reserve('host-3');
    await happens('moved');
    expect(member.subnets).toEqual({ ipv4: '10.10.0.8/30' });
  });

  it('a host that waits gets a subnet when the network gets more', async () => {
    await world.configure({ ipv4: { network: '10.10.0.0/24', subnetLen: 30, subnetMax: '10.10.0.4' } });
    await world.join(host(1));
    const second = await world.observe(host(2));
    expect(second.member.waiting).toBeDefined();
    await world.configure({ ipv4: { network: '10.10.0.0/24', subnetLen: 30, subnetMax: '10.10.0.8' } });
    await second.happens('moved');
    expect(second.member.subnets.ipv4).toBe('10.10.0.8/30');
  });
});
