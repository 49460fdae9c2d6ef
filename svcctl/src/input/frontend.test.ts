import { describe, expect, it } from 'vitest';
import { parseFrontend, parseNodePort, parseOpenFrontend, parsePort, parseSecondVip } from './frontend.ts';

describe('VIP:PORT', () => {
  it.each([
    ['2.2.2.2:88', { vip: '2.2.2.2', port: 88 }],
    ['[fd00::2]:88', { vip: 'fd00::2', port: 88 }],
    ['2.2.2.2:53/udp', { vip: '2.2.2.2', port: 53, protocol: 'udp' }],
    ['[fd00::2]:53/UDP', { vip: 'fd00::2', port: 53, protocol: 'udp' }],
    [':65535', { vip: 'auto', port: 65535 }],
    ['auto:80', { vip: 'auto', port: 80 }],
    ['none:80', { vip: 'none', port: 80 }],
  ])('%s is an address and a port', (text, parts) => {
    expect(parseFrontend(text)).toEqual(parts);
    expect(parseOpenFrontend(text)).toEqual(parts);
  });

  it.each([
    ['2.2.2.2', 'VIP:PORT "2.2.2.2" has no port: write VIP:PORT, as in 2.2.2.2:88 or [fd00::2]:88'],
    ['[fd00::2]', 'VIP:PORT "[fd00::2]" has no port'],
    ['2.2.2.2:0', 'port "0" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:65536', 'port "65536" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:88x', 'port "88x" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:-1', 'port "-1" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:', 'port "" is not a port: a whole number from 1 to 65535'],
    ['[fd00::2]:', 'port "" is not a port'],
    ['2.2.2.2:53/icmp', 'protocol "icmp" is none of tcp, udp, sctp'],
    ['2.2.2.2:53/', 'protocol "" is none of tcp, udp, sctp'],
    ['2.2.2:88', 'vip "2.2.2" is not an IPv4 address such as 2.2.2.2'],
    ['2.2.2.256:88', 'vip "2.2.2.256" is not an IPv4 address such as 2.2.2.2'],
    ['2.2.2.02:88', 'vip "2.2.2.02" is not an IPv4 address such as 2.2.2.2'],
    ['web:88', 'vip "web" is not an IPv4 address such as 2.2.2.2'],
    ['[2.2.2.2]:88', 'vip "[2.2.2.2]" is not an IPv4 address such as 2.2.2.2, an IPv6 address in brackets'],
    ['[fe80::1%eth0]:88', 'vip "[fe80::1%eth0]" is not an IPv4 address'],
    ['[]:88', 'vip "[]" is not an IPv4 address'],
    ['fd00::1:88', 'VIP:PORT "fd00::1:88" has IPv6 without brackets: write [fd00::1]:88'],
    ['2.2.2.2\n:88', 'vip "2.2.2.2\\n" is not an IPv4 address such as 2.2.2.2'],
  ])('refuses %j in one sentence', (text, sentence) => {
    expect(() => parseFrontend(text)).toThrow(sentence);
  });

  it('may have its ports named elsewhere', () => {
    expect(parseOpenFrontend('2.2.2.2')).toEqual({ vip: '2.2.2.2' });
    expect(parseOpenFrontend('[fd00::2]')).toEqual({ vip: 'fd00::2' });
    expect(parseOpenFrontend('auto')).toEqual({ vip: 'auto' });
    expect(() => parseOpenFrontend('')).toThrow('VIP:PORT "" has no port');
    expect(() => parseOpenFrontend('2.2.2.2/udp')).toThrow('VIP:PORT "2.2.2.2/udp" has no port');
    expect(() => parseOpenFrontend('web')).toThrow('vip "web" is not an IPv4 address');
  });
});

describe('a second VIP', () => {
  it('is an address, with brackets or without, or left to the controller', () => {
    expect(['fd00::2', '[fd00::2]', '2.2.2.2', 'auto'].map(parseSecondVip)).toEqual([
      ...['fd00::2', 'fd00::2', '2.2.2.2', 'auto'],
    ]);
    for (const text of ['', 'none', 'fd00::2:x', 'fe80::1%eth0', '[fd00::2]:80'])
      expect(() => parseSecondVip(text)).toThrow(`vip ${JSON.stringify(text)} is not an IPv4 address`);
  });
});

describe('ports', () => {
  it('are whole numbers from 1 to 65535', () => {
    expect([parsePort('port', '1'), parsePort('port', '65535')]).toEqual([1, 65535]);
    for (const text of ['', ' 1', '1 ', '+1', '1e3', '0x10', '1.0', '٣'])
      expect(() => parsePort('target-port', text)).toThrow(/^target-port ".*" is not a port/);
  });

  it('of nodes may be left to the controller', () => {
    expect([parseNodePort('auto'), parseNodePort('30001')]).toEqual(['auto', 30001]);
    expect(() => parseNodePort('automatic')).toThrow('node-port "automatic" is not a port');
  });
});
