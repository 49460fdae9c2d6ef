import { describe, expect, it } from 'vitest';
import { lookInside, parseIpv4Routes, parseIpv6Routes, parseLinks } from './inside-facts.ts';

/** As kernel 6.18 prints them. */
const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
eth0.7:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
p0\t0200000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
eth0\t00000000\t010A0A0A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t007AA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
const IPV6_ROUTE = `fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001       p0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
fd000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001       p0
`;

describe('a namespace seen through /proc', () => {
  it('has links', () => {
    expect(parseLinks(DEV)).toEqual(['lo', 'eth0.7']);
  });

  it('has routes of both families, but those of its own addresses', () => {
    expect(parseIpv4Routes(ROUTE)).toEqual(['p0 10.0.0.2/32', 'eth0 0.0.0.0/0', 'eth0 192.168.122.0/24']);
    expect(parseIpv6Routes(IPV6_ROUTE)).toEqual(['p0 fd00::2/128', 'eth0 ::/0']);
  });

  it('of a process that is gone is empty', () => {
    const { links, routes } = lookInside(2 ** 30);
    expect([links.size, routes.size]).toEqual([0, 0]);
  });

  it('of this process has the loopback link', () => {
    expect(lookInside(process.pid).links).toContain('lo');
  });
});
