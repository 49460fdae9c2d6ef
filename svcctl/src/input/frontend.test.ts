import { describe, expect, it } from 'vitest';
import { parseFrontend, parseNodePort, parsePort } from './frontend.ts';

describe('VIP:PORT', () => {
  it('is an address and a port', () => {
    expect(parseFrontend('2.2.2.2:88')).toEqual({ vip: '2.2.2.2', port: 88 });
  });

  it('may leave the address to the controller', () => {
    expect(parseFrontend(':65535')).toEqual({ port: 65535 });
  });

  it.each([
    ['2.2.2.2', 'VIP:PORT "2.2.2.2" has no port: write VIP:PORT, as in 2.2.2.2:88'],
    ['2.2.2.2:0', 'port "0" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:65536', 'port "65536" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:88x', 'port "88x" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:-1', 'port "-1" is not a port: a whole number from 1 to 65535'],
    ['2.2.2.2:', 'port "" is not a port: a whole number from 1 to 65535'],
    ['2.2.2:88', 'vip "2.2.2" is not an IPv4 address such as 2.2.2.2'],
    ['2.2.2.256:88', 'vip "2.2.2.256" is not an IPv4 address such as 2.2.2.2'],
    ['2.2.2.02:88', 'vip "2.2.2.02" is not an IPv4 address such as 2.2.2.2'],
    ['web:88', 'vip "web" is not an IPv4 address such as 2.2.2.2'],
    ['fd00::1:88', 'vip "fd00::1" is not an IPv4 address: IPv6 is not served yet'],
    ['2.2.2.2\n:88', 'vip "2.2.2.2\\n" is not an IPv4 address such as 2.2.2.2'],
  ])('refuses %j in one sentence', (text, sentence) => {
    expect(() => parseFrontend(text)).toThrow(sentence);
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
