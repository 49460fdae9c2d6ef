import { describe, expect, it } from 'vitest';
import { MAX_HOSTS } from './options.ts';
import { portLines } from './scripts.ts';
import { CLIENT, members, ROUTER, type Shape } from './topology.ts';

const shape = (hosts: number, more: Partial<Shape> = {}): Shape => ({
  hosts,
  far: 0,
  mtu: 1500,
  etcdMembers: 0,
  ...more,
});

describe('members', () => {
  it('has hosts, client, router and internet, each with one address of its own', () => {
    const all = members(shape(MAX_HOSTS));
    expect(all.map((member) => member.name).slice(-4)).toEqual(['host-100', 'client', 'router', 'internet']);
    expect(new Set(all.map((member) => member.address)).size).toBe(all.length);
    expect(all.find((member) => member.name === 'host-3')).toMatchObject({
      ...{ address: '192.168.122.13', ipv6Address: 'fd00:122::13' },
    });
  });

  it('has the last hosts on another wire behind the router, and a machine for each member of etcd', () => {
    const all = members(shape(3, { far: 1, etcdMembers: 3 }));
    const addresses = Object.fromEntries(all.map(({ name, address }) => [name, address]));
    expect(addresses).toMatchObject({ 'host-2': '192.168.122.12', 'host-3': '192.168.123.13' });
    expect(addresses).toMatchObject({ 'etcd-1': '192.168.122.241', 'etcd-3': '192.168.122.243' });
    expect(all.flatMap(({ ip }) => portLines(ip))).toEqual(
      expect.arrayContaining([
        'p-host-2 lan0',
        'q-host-3 lan1',
        'q-router lan1',
        'w-internet wan0',
        'p-etcd-1 lan0',
      ]),
    );
  });

  it('gives both ends of the links to the hosts the MTU that was asked for', () => {
    const links = members(shape(2, { mtu: 1400 })).flatMap(({ ip }) =>
      ip.filter((line) => line.startsWith('link add')),
    );
    expect(links.filter((line) => !line.includes(' w-'))).toSatisfy((lines: string[]) =>
      lines.every((line) => line.split('mtu 1400').length === 3),
    );
  });

  it('keeps link names within the 15 characters of the kernel', () => {
    const names = members(shape(MAX_HOSTS)).flatMap((member) =>
      portLines(member.ip).map((line) => line.split(' ')[0]),
    );
    expect(names.filter((name) => (name ?? '').length > 15)).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('lets nobody but the hosts know of containers: no machine has a route to them', () => {
    const routes = members(shape(3)).flatMap((member) =>
      member.ip.filter((line) => line.startsWith('route')),
    );
    expect(routes.filter((line) => line.includes('10.10.'))).toEqual([]);
  });

  it('routes the client to services through host-1, and only the router forwards', () => {
    const all = members(shape(3));
    expect(all.find((member) => member.address === CLIENT)?.ip).toEqual(
      expect.arrayContaining([
        'route add 2.2.2.0/24 via 192.168.122.11',
        'route add 10.96.0.0/16 via 192.168.122.11',
        'route add 2001:db8:2::/64 via fd00:122::11',
        'route add fd00:10:96::/112 via fd00:122::11',
      ]),
    );
    const forwarding = all.filter((member) => member.sysctls['net/ipv4/ip_forward'] === '1');
    expect(forwarding.map((member) => member.address)).toEqual([ROUTER]);
  });
});
