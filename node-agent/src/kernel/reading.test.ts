import { describe, expect, it } from 'vitest';
import type { IpStep } from '../plan/step.ts';
import { refusedLines } from './firewall-tools.ts';
import { ipCommand, readComplaints } from './ip.ts';
import { addressesOf, linksOf, parseBatch, routesOf } from './ip-json.ts';
import { ipSignals } from './ip-monitor.ts';

describe('what ip -json says', () => {
  const output = [
    '[{},{"ifname":"eth0","mtu":1500,"flags":["UP"],"addr_info":[{"family":"inet","local":"192.168.122.11","prefixlen":24},{"family":"inet6","local":"fe80::1","prefixlen":64}]}]',
    '[{"type":"1","dst":"10.10.2.0/24","gateway":"192.168.122.12","dev":"eth0","protocol":"88"},{"type":"6","dst":"10.10.3.7","protocol":"3","metric":5},{"type":"1","dst":"default","nexthops":[{}],"protocol":"3"}]',
    '',
  ].join('\n');

  it('is read as links, addresses and routes', () => {
    const [links = [], routes = []] = parseBatch(output, 2);
    expect(linksOf(links)).toEqual([{ name: 'eth0', mtu: 1500, up: true, loopback: false }]);
    expect(addressesOf(links)).toEqual([
      { link: 'eth0', mtu: 1500, address: '192.168.122.11', prefixLength: 24, secondary: false },
    ]);
    expect(routesOf(routes)).toEqual([
      {
        destination: '10.10.2.0/24',
        type: 'unicast',
        gateway: '192.168.122.12',
        device: 'eth0',
        protocol: 88,
        metric: 0,
      },
      { destination: '10.10.3.7/32', type: 'blackhole', protocol: 3, metric: 5 },
      { destination: '0.0.0.0/0', type: 'unicast', protocol: 3, metric: 0 },
    ]);
  });

  it('must be an answer to each command', () => {
    expect(() => parseBatch(output, 3)).toThrow(/2 answers to 3 commands/);
    expect(() => parseBatch('{', 1)).toThrow(/no JSON/);
    expect(() => parseBatch('{}', 1)).toThrow(/no array/);
  });
});

describe('an ip command', () => {
  const route = {
    destination: '10.10.2.0/24',
    type: 'unicast',
    gateway: '192.168.122.12',
    device: 'eth0',
    metric: 0,
  };

  it.each<[IpStep, string]>([
    [{ kind: 'route-add', route, text: '' }, 'route add 10.10.2.0/24 via 192.168.122.12 dev eth0 proto 88'],
    [
      {
        kind: 'route-delete',
        route: { destination: '10.10.3.0/24', type: 'blackhole', metric: 4 },
        text: '',
      },
      'route delete blackhole 10.10.3.0/24 metric 4 proto 88',
    ],
    [
      { kind: 'connected-add', destination: '10.10.1.0/24', device: 'cwy0', source: '10.10.1.1', text: '' },
      'route add 10.10.1.0/24 dev cwy0 proto 2 scope 253 src 10.10.1.1',
    ],
    [{ kind: 'link-set', link: 'cwy0', mtu: 1450, text: '' }, 'link set dev cwy0 mtu 1450 up'],
  ])('is one line: %o', (step, line) => expect(ipCommand(step)).toBe(line));

  it.each(['1.2.3.4\nlink delete eth0', '1.2.3.4 dev eth1', '', '"'])(
    'never holds more than its words: %j',
    (gateway) => {
      expect(() => ipCommand({ kind: 'route-add', route: { ...route, gateway }, text: 'x' })).toThrow(
        /no plain word/,
      );
    },
  );
});

describe('complaints', () => {
  it('of ip are found by their lines', () => {
    const { byLine, last } = readComplaints(
      'RTNETLINK answers: File exists\nCommand failed -:1\nError: Nexthop has invalid gateway.\nCommand failed -:3\nError: what is this?\n',
    );
    expect([...byLine]).toEqual([
      [1, 'RTNETLINK answers: File exists'],
      [3, 'Error: Nexthop has invalid gateway.'],
    ]);
    expect(last).toBe('Error: what is this?');
    expect(readComplaints('').last).toBeUndefined();
  });

  it.each([
    ['/dev/stdin:2:5-9: Error: syntax error', ['2: bad']],
    ['iptables-restore: line 2 failed', ['2: bad']],
    ['iptables-restore v1.8.9 (nf_tables): \nline 3: CHAIN_DEL failed', ['3: worse']],
    ['no line is named', []],
    ['/dev/stdin:99:1-1: Error', []],
  ])('of nft and iptables show the lines: %s', (complaint, lines) => {
    expect(refusedLines('good\nbad\nworse', complaint)).toEqual(lines);
  });
});

describe('hints', () => {
  const where = { iface: 'eth0', bridge: 'cwy0' };

  it.each<[string, readonly string[]]>([
    ['Deleted 10.10.2.0/24 via 192.168.122.12 dev eth0 proto 88', ['network']],
    ['Deleted 10.10.2.0/24 via 192.168.122.12 dev eth1 proto 88', ['network']],
    ['10.10.1.0/24 dev cwy0 proto 2 scope 253 src 10.10.1.1', ['network']],
    ['blackhole 10.10.3.0/24 proto 3', ['network']],
    ['10.10.3.0/24 proto 3 metric 100', ['network']],
    ['172.17.0.0/16 dev docker0 proto 2', []],
    ['local 10.10.1.1 dev cwy0 table 255 proto 2', []],
    ['broadcast 10.10.1.255 dev cwy0 table local proto kernel', []],
    ['3: eth0@if2: <BROADCAST,MULTICAST> mtu 1500 state DOWN', ['network']],
    ['Deleted 3: cwy0    inet 10.10.1.1/24 scope global cwy0', ['network']],
    ['Deleted 7: cwy0a1b2c3d4e@if2: <BROADCAST>', ['containers']],
    ['9: docker0: <NO-CARRIER>', []],
    ['    link/ether 12:d5:a0:f0:de:a7', []],
    ['       valid_lft forever preferred_lft forever', []],
  ])('of ip monitor: %s', (line, signals) => expect(ipSignals(line, where)).toEqual(signals));
});
