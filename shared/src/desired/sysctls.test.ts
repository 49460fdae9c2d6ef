import { describe, expect, it } from 'vitest';
import { DUAL_STACK, HOST_1, hostWith, only, VXLAN } from '../../../test/support/desired-host.ts';

const IPV4 = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
  'net/ipv4/conf/all/send_redirects': '0',
  'net/ipv4/conf/eth0.5/send_redirects': '0',
};
const IPV6 = { 'net/ipv6/conf/all/forwarding': '1', 'net/bridge/bridge-nf-call-ip6tables': '1' };
const ON_BRIDGE = { 'net/ipv6/conf/cwy0/disable_ipv6': '0' };

describe('sysctls', () => {
  it('are those of the families of the network', () => {
    expect(hostWith([]).sysctls).toEqual({ ...IPV4, ...IPV6, ...ON_BRIDGE });
    expect(hostWith([], { config: only('ipv4') }).sysctls).toEqual(IPV4);
    expect(hostWith([], { config: only('ipv6') }).sysctls).toEqual({ ...IPV6, ...ON_BRIDGE });
    expect(hostWith([], { config: only('ipv6'), own: {} }).sysctls).toEqual(IPV6);
  });

  it('switch IPv6 on where a link of ours carries it', () => {
    const overlay = { ...DUAL_STACK, backend: VXLAN };
    const onTunnel = { 'net/ipv6/conf/cwyx6.1/disable_ipv6': '0' };
    expect(hostWith([], { config: overlay }).sysctls).toEqual({
      ...IPV4,
      ...IPV6,
      ...ON_BRIDGE,
      ...onTunnel,
    });
    expect(hostWith([], { config: overlay, own: {} }).sysctls).toEqual({ ...IPV4, ...IPV6, ...onTunnel });
    expect(hostWith([], { config: only('ipv4', overlay) }).sysctls).toEqual(IPV4);
  });

  it('keep a host listening to its router, and are set in the order in which that works', () => {
    const acceptRa = 'net/ipv6/conf/eth0.5/accept_ra';
    const wanted = (value: number) => hostWith([], { facts: { ...HOST_1, acceptRa: value } }).sysctls;
    expect([wanted(0)[acceptRa], wanted(1)[acceptRa], wanted(2)[acceptRa]]).toEqual([undefined, '2', '2']);
    const order = Object.keys(wanted(1));
    expect(order.indexOf(acceptRa)).toBeLessThan(order.indexOf('net/ipv6/conf/all/forwarding'));
  });

  it('keeps the routers that other links lead to, before forwarding', () => {
    const { sysctls } = hostWith([], { facts: { ...HOST_1, acceptRa: 0, routerLinks: ['wan0'] } });
    const order = Object.keys(sysctls);
    expect(sysctls['net/ipv6/conf/wan0/accept_ra']).toBe('2');
    expect(order.indexOf('net/ipv6/conf/wan0/accept_ra')).toBeLessThan(
      order.indexOf('net/ipv6/conf/all/forwarding'),
    );
  });
});
