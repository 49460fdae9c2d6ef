import { describe, expect, it } from 'vitest';
import { MAX_HOSTS } from './options.ts';
import { portLines } from './scripts.ts';
import { CLIENT, members, ROUTER } from './topology.ts';

describe('members', () => {
  it('has hosts, client, router and internet, each with one address of its own', () => {
    const all = members(MAX_HOSTS);
    expect(all.map((member) => member.name).slice(-4)).toEqual(['host-100', 'client', 'router', 'internet']);
    expect(new Set(all.map((member) => member.address)).size).toBe(all.length);
    expect(all.find((member) => member.name === 'host-3')?.address).toBe('192.168.122.13');
  });

  it('keeps link names within the 15 characters of the kernel', () => {
    const names = members(MAX_HOSTS).flatMap((member) =>
      portLines(member.ip).map((line) => line.split(' ')[0]),
    );
    expect(names.filter((name) => (name ?? '').length > 15)).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('lets nobody but the hosts know of containers: no machine has a route to them', () => {
    const routes = members(3).flatMap((member) => member.ip.filter((line) => line.startsWith('route')));
    expect(routes.filter((line) => line.includes('10.10.'))).toEqual([]);
  });

  it('routes the client to services through host-1, and only the router forwards', () => {
    const all = members(3);
    expect(all.find((member) => member.address === CLIENT)?.ip).toEqual(
      expect.arrayContaining([
        'route add 2.2.2.0/24 via 192.168.122.11',
        'route add 10.96.0.0/16 via 192.168.122.11',
      ]),
    );
    const forwarding = all.filter((member) => member.sysctls['net/ipv4/ip_forward'] === '1');
    expect(forwarding.map((member) => member.address)).toEqual([ROUTER]);
  });
});
