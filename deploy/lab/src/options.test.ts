import { parseCidr } from '@causeway/shared/net/cidr';
import { describe, expect, it } from 'vitest';
import { checkMember, checkOptions, type LabOptions, subnetsIn } from './options.ts';

describe('checkOptions', () => {
  it('completes what is not said', () => {
    expect(checkOptions({})).toMatchObject({
      ...{ name: 'lab', hosts: 3, dataplane: 'nftables', network: '10.10.0.0/16', lifetime: 'attached' },
    });
  });

  it('masks host bits of the network, as flannel does', () => {
    expect(checkOptions({ network: '10.20.5.7/16' }).network).toBe('10.20.0.0/16');
    expect(checkOptions({ networkIpv6: 'fd00:10::7/48' }).networkIpv6).toBe('fd00:10::/48');
  });

  it.each<[LabOptions, string]>([
    [{ hosts: 0 }, 'hosts 0 is no whole number from 1 to 100'],
    [{ hosts: 500 }, 'hosts 500 is no whole number from 1 to 100'],
    [{ hosts: 2.5 }, 'hosts 2.5 is no whole number from 1 to 100'],
    [{ network: '10.10.0.0/30' }, 'network "10.10.0.0/30" is too small: the smallest that works is a /27'],
    [
      { network: '10.10.0.0/22', hosts: 4 },
      'network "10.10.0.0/22" is too small for 4 hosts: it has subnets for 3',
    ],
    [{ network: '10.10.0.0' }, 'network "10.10.0.0" is no IPv4 network like 10.10.0.0/16'],
    [
      { network: '192.168.122.0/24' },
      `network "192.168.122.0/24" overlaps 192.168.122.0/24, which is the hosts' network in the lab`,
    ],
    [
      { network: '10.96.0.0/12' },
      'network "10.96.0.0/12" overlaps 10.96.0.0/16, which is the services in the lab',
    ],
    [{ far: 3 }, 'far 3 is no whole number from 0 to 2'],
    [{ mtu: 1279 }, 'mtu 1279 is no whole number from 1280 to 9000'],
    [{ network: 'none' }, 'network "none" leaves containers without addresses'],
    [{ networkIpv6: '10.0.0.0/8' }, 'network-ipv6 "10.0.0.0/8" is no IPv6 network like fd00:10::/48'],
    [{ networkIpv6: 'fd00:10::/64' }, 'network-ipv6 "fd00:10::/64" is too small'],
    [{ networkIpv6: 'fd00:122::/32' }, "overlaps fd00:122::/64, which is the hosts' network in the lab"],
    [{ directRouting: true }, 'direct-routing true goes with vxlan'],
    [{ backend: 'vxlan', fallback: 'vxlan' }, 'fallback "vxlan" goes with host-gw'],
    [{ name: '../x' }, 'name "../x" is not made of'],
    [{ name: 'x'.repeat(31) }, 'is not made of at most 30'],
    [{ name: 'a\nb' }, 'name "a\\nb" is not made of'],
  ])('refuses %j', (options, sentence) => {
    expect(() => checkOptions(options)).toThrow(sentence);
  });

  it('takes IPv6 alone', () => {
    expect(checkOptions({ network: 'none', networkIpv6: 'fd00:10::/48' })).toMatchObject({ network: 'none' });
  });

  it('takes a network that is just large enough', () => {
    expect(checkOptions({ network: '10.10.0.0/22', hosts: 3 }).hosts).toBe(3);
    expect(checkOptions({ network: '10.10.0.0/27', hosts: 3 }).hosts).toBe(3);
  });
});

describe('subnetsIn', () => {
  it.each([
    ['10.0.0.0/8', 65535],
    ['10.10.0.0/16', 255],
    ['10.10.0.0/22', 3],
    ['10.10.0.0/23', 3],
  ])('%s has %i', (text, expected) => {
    const network = parseCidr(text);
    expect(network && subnetsIn(network)).toBe(expected);
  });
});

describe('checkMember', () => {
  it('lists the machines there are', () => {
    expect(() => checkMember('host-9', ['host-1', 'client'])).toThrow(
      `host "host-9" is none of the lab's: host-1, client`,
    );
  });
});
