import { CausewayError } from '@causeway/shared/errors';
import { describe, expect, it } from 'vitest';
import type { IpStep, RouteKey } from '../plan/step.ts';
import { bridgeCommand, ipCommand } from './ip-command.ts';
import { readComplaints } from './ip-complaints.ts';
import {
  addressesOf,
  forwardingOf,
  linksOf,
  neighboursOf,
  parseBatch,
  routesOf,
  tunnelsOf,
} from './ip-json.ts';
import { ipSignals } from './ip-monitor.ts';
import { linesOf, refusalOf, refusedLines } from './refusal.ts';

describe('what ip -json says', () => {
  const output = [
    '[{},{"ifname":"cwy0","mtu":1500,"flags":["UP"],"addr_info":[{"family":"inet","local":"10.10.1.1","prefixlen":24,"scope":"0"},{"family":"inet6","local":"fd00:10:0:1::1","prefixlen":64,"scope":"0"},{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"253"}]}]',
    '[{"type":"1","dst":"10.10.2.0/24","gateway":"192.168.122.12","dev":"eth0","protocol":"88"},{"type":"6","dst":"10.10.3.7","protocol":"3","metric":5},{"type":"1","dst":"default","nexthops":[{}],"protocol":"3"}]',
    '[{"type":"1","dst":"fd00:10:0:3::/64","gateway":"fd00:10:0:3::","dev":"cwyx6.1","metric":1024,"flags":["onlink"]},{"dst":"default","gateway":"fd00::1","table":"254","metric":1024},{"dst":"fd00::8","dev":"lo","table":"255"},{"dst":"fd00::7","dev":"eth0","metric":1}]',
    '[{"ifname":"cwyx6.1","address":"02:00:00:00:00:02","linkinfo":{"info_kind":"vxlan","info_data":{"id":1,"local6":"fd00:122::11","link":"eth0","port":8472,"learning":false}}},{"ifname":"x","linkinfo":{"info_kind":"bridge"}}]',
    '[{"dst":"fd00:10:0:3::","dev":"cwyx6.1","lladdr":"02:00:00:00:00:33","state":["PERMANENT"]}]',
    '[{"mac":"02:00:00:00:00:33","dst":"fd00:122::13","flags":["self"],"state":"permanent"},{"mac":"02:00:00:00:00:34","dst":"fd00:122::14","port":9,"state":"permanent"},{"mac":"02:00:00:00:00:35","dst":"fd00:122::15"},{"mac":"33:33:00:00:00:01","state":"permanent"}]',
    '',
  ].join('\n');
  const [links = [], v4 = [], v6 = [], tunnels = [], neighbours = [], entries = []] = parseBatch(output, 6);

  it('is read as links and their addresses, but for those that are the kernel’s own', () => {
    expect(linksOf(links)).toEqual([{ name: 'cwy0', mtu: 1500, up: true }]);
    expect([...addressesOf(links)]).toEqual([['cwy0', ['10.10.1.1/24', 'fd00:10:0:1::1/64']]]);
  });

  it('is read as routes of both families', () => {
    const way = { type: 'unicast', gateway: '192.168.122.12', device: 'eth0' };
    expect(routesOf(v4)).toEqual([
      { family: 'ipv4', destination: '10.10.2.0/24', ...way, protocol: 88, metric: 0 },
      { family: 'ipv4', destination: '10.10.3.7/32', type: 'blackhole', protocol: 3, metric: 5 },
      { family: 'ipv4', destination: '0.0.0.0/0', type: 'unicast', protocol: 3, metric: 0 },
    ]);
    const ours = { family: 'ipv6', type: 'unicast', protocol: 88 };
    const tunnelled = { gateway: 'fd00:10:0:3::', device: 'cwyx6.1', onlink: true };
    expect(routesOf(v6, 88)).toEqual([
      { ...ours, ...tunnelled, destination: 'fd00:10:0:3::/64', metric: 1024 },
      { ...ours, destination: '::/0', gateway: 'fd00::1', metric: 1024 },
      { ...ours, destination: 'fd00::7/128', device: 'eth0', metric: 1 },
    ]);
  });

  it('is read as tunnels, their neighbours and where their frames go', () => {
    expect(tunnelsOf(tunnels)).toEqual([
      {
        ...{ name: 'cwyx6.1', mac: '02:00:00:00:00:02', vni: 1, port: 8472, local: 'fd00:122::11' },
        ...{ device: 'eth0', learning: false, gbp: false },
      },
    ]);
    expect(neighboursOf(neighbours)).toEqual([
      { link: 'cwyx6.1', address: 'fd00:10:0:3::', mac: '02:00:00:00:00:33' },
    ]);
    expect(forwardingOf(entries)).toEqual([
      { mac: '02:00:00:00:00:33', remote: 'fd00:122::13' },
      { mac: '02:00:00:00:00:34', remote: 'fd00:122::14 port 9' },
    ]);
  });

  it('must be an answer to each command', () => {
    expect(() => parseBatch(output, 3)).toThrow(/6 answers to 3 commands/);
    expect(() => parseBatch('{', 1)).toThrow(/no JSON/);
    expect(() => parseBatch('{}', 1)).toThrow(/no array/);
  });
});

describe('an ip command', () => {
  const route = {
    family: 'ipv4' as const,
    ...{ destination: '10.10.2.0/24', type: 'unicast' },
    ...{ gateway: '192.168.122.12', device: 'eth0', metric: 0 },
  } satisfies RouteKey;
  const through = { destination: 'fd00:10:0:3::/64', gateway: 'fd00:10:0:3::', device: 'cwyx6.1' };
  const tunnel = {
    ...{ name: 'cwyx.1', vni: 1, port: 8472, local: '192.168.122.11', device: 'eth0' },
    ...{ mac: '02:00:00:00:00:01', learning: false, gbp: true },
  };
  const text = '';

  it.each<[IpStep, string]>([
    [{ kind: 'route-add', route, text }, 'route add 10.10.2.0/24 via 192.168.122.12 dev eth0 proto 88'],
    [
      { kind: 'route-replace', route: { ...route, ...through, onlink: true, metric: 1024 }, text },
      'route replace fd00:10:0:3::/64 via fd00:10:0:3:: dev cwyx6.1 metric 1024 onlink proto 88',
    ],
    [
      {
        kind: 'route-delete',
        route: { family: 'ipv4', destination: '10.10.3.0/24', type: 'blackhole', metric: 4 },
        text,
      },
      'route delete blackhole 10.10.3.0/24 metric 4 proto 88',
    ],
    [
      { kind: 'connected-add', destination: '10.10.1.0/24', device: 'cwy0', source: '10.10.1.1', text },
      'route add 10.10.1.0/24 dev cwy0 proto 2 scope 253 src 10.10.1.1',
    ],
    [
      { kind: 'connected-add', destination: 'fd00::/64', device: 'cwy0', source: 'fd00::1', text },
      'route add fd00::/64 dev cwy0 proto 2 metric 256',
    ],
    [{ kind: 'link-set', link: 'cwy0', mtu: 1450, text }, 'link set dev cwy0 mtu 1450 up'],
    [
      { kind: 'address-add', link: 'cwy0', address: '10.10.1.1/24', text },
      'address replace 10.10.1.1/24 dev cwy0',
    ],
    [
      { kind: 'address-add', link: 'cwy0', address: 'fd00::1/64', text },
      'address replace fd00::1/64 dev cwy0 nodad',
    ],
    [
      { kind: 'tunnel-add', tunnel, text },
      'link add name cwyx.1 address 02:00:00:00:00:01 type vxlan id 1 local 192.168.122.11 dev eth0 nolearning dstport 8472 gbp',
    ],
    [
      { kind: 'tunnel-set', tunnel, text },
      'link set dev cwyx.1 type vxlan id 1 local 192.168.122.11 dev eth0 nolearning',
    ],
    [
      { kind: 'neighbour-replace', link: 'cwyx.1', address: '10.10.2.0', mac: '02:00:00:00:00:02', text },
      'neighbour replace 10.10.2.0 lladdr 02:00:00:00:00:02 dev cwyx.1 nud permanent',
    ],
  ])('is one line: %o', (step, line) => expect(ipCommand(step)).toBe(line));

  it('of the forwarding table is one line of bridge', () => {
    const entry = { link: 'cwyx.1', mac: '02:00:00:00:00:02', remote: '192.168.122.12', text };
    expect(bridgeCommand({ kind: 'forwarding-replace', ...entry })).toBe(
      'fdb replace 02:00:00:00:00:02 dev cwyx.1 dst 192.168.122.12 self permanent',
    );
    expect(bridgeCommand({ kind: 'forwarding-delete', ...entry, remote: '1.2.3.4 port 9' })).toBe(
      'fdb delete 02:00:00:00:00:02 dev cwyx.1',
    );
  });

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
    ['/dev/stdin:2:5-9: Error: syntax error', [[2, 'bad']]],
    ['iptables-restore: line 2 failed', [[2, 'bad']]],
    ['iptables-restore v1.8.9 (nf_tables): \nline 3: CHAIN_DEL failed', [[3, 'worse']]],
    ['no line is named', []],
    ['/dev/stdin:99:1-1: Error', []],
  ])('of nft and iptables name the lines: %s', (complaint, lines) => {
    const found = refusedLines('good\nbad\nworse', complaint);
    expect(found.map(({ number, text }) => [number, text])).toEqual(lines);
  });

  it('of nft and iptables are told on one line, with the lines that they name, and cut', () => {
    const input = ['good', `  bad ${'x'.repeat(300)},`, '\u001b[31mworse', ...Array(9).fill('same')].join(
      '\n',
    );
    const complaint = `nft: exit 1: /dev/stdin:2:3-5: Error: File exists\n  bad ${'x'.repeat(300)},\n  ^^^\n/dev/stdin:3:1-1: Error: no\n`;
    const error = refusalOf(input, new Error(complaint));
    expect(error.message).toBe(
      `nft: exit 1: /dev/stdin:2:3-5: Error: File exists /dev/stdin:3:1-1: Error: no; line 2: bad ${'x'.repeat(156)}…; line 3: \\u001b[31mworse`,
    );
    expect(linesOf(error)).toEqual(input.split('\n').slice(1, 3));
    const all = input.split('\n').map((_, i) => `line ${i + 1} failed`);
    const long = refusalOf(input, new Error(all.join('\n')));
    expect(long.message.split('; ')).toHaveLength(6);
    expect(linesOf(long)).toHaveLength(12);
  });

  it.each([
    ['timeout', 'timeout'],
    ['not-found', 'not-found'],
    ['command-failed', 'kernel-rejected'],
  ] as const)('are told from a program that never asked the kernel: %s', (code, told) => {
    const error = refusalOf('good\nbad', new CausewayError(code, 'nft: line 2 of 3'));
    expect([error.code, linesOf(error)]).toEqual([told, told === 'kernel-rejected' ? ['bad'] : []]);
  });
});

describe('hints', () => {
  const where = { iface: 'eth0', bridge: 'cwy0' };

  it.each<[string, readonly string[]]>([
    ['[ROUTE]Deleted 10.10.2.0/24 via 192.168.122.12 dev eth0 proto 88', ['network']],
    ['[ROUTE]Deleted 10.10.2.0/24 via 192.168.122.12 dev eth1 proto 88', ['network']],
    ['[ROUTE]10.10.1.0/24 dev cwy0 proto 2 scope 253 src 10.10.1.1', ['network']],
    ['[ROUTE]6 10.10.3.0/24 proto 3', ['network']],
    ['[ROUTE]6 fd00:10:0:9::/64 dev lo metric 1024 pref medium', ['network']],
    ['[ROUTE]10.10.3.0/24 proto 3 metric 100', ['network']],
    ['[ROUTE]fd00:10:0:2::/64 via fd00:122::12 dev eth0 proto 3 metric 512 pref medium', ['network']],
    ['[ROUTE]fd00:10:0:3::/64 via fd00:10:0:3:: dev cwyx6.1 metric 1024 onlink pref medium', ['network']],
    ['[ROUTE]172.17.0.0/16 dev docker0 proto 2', []],
    ['[ROUTE]2 10.10.1.1 dev cwy0 table 255 proto 2', []],
    ['[ROUTE]3 10.10.1.255 dev cwy0 table local proto kernel', []],
    ['[LINK]3: eth0@if2: <BROADCAST,MULTICAST> mtu 1500 state DOWN', ['network']],
    ['[LINK]5: cwyx.1: <BROADCAST,MULTICAST> mtu 1450 state DOWN', ['network']],
    ['[ADDR]Deleted 3: cwy0    inet 10.10.1.1/24 scope global cwy0', ['network']],
    ['[ADDR]Deleted 3: eth0    inet6 fd00:122::11/64 scope 0', ['network']],
    ['[LINK]Deleted 7: cwy0a1b2c3d4e@if2: <BROADCAST>', ['containers']],
    ['[LINK]9: docker0: <NO-CARRIER>', []],
    ['[NEIGH]Deleted 10.10.3.0 dev cwyx.1 lladdr 02:00:00:00:00:03 PERMANENT', ['network']],
    ['[NEIGH]192.168.122.13 dev cwyx.1 lladdr 02:00:00:00:00:03 NOARP PERMANENT', ['network']],
    ['[NEIGH]192.168.122.12 dev eth0 FAILED', []],
    ['[NEIGH]dev cwy0 lladdr 0a:58:0a:0a:01:01 PERMANENT', []],
    ['    link/ether 12:d5:a0:f0:de:a7', []],
    ['       valid_lft forever preferred_lft forever', []],
  ])('of ip monitor: %s', (line, signals) => expect(ipSignals(line, where)).toEqual(signals));
});
