import { hostname } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from './config.ts';

afterEach(() => vi.unstubAllEnvs());

const silent = () => {};

describe('readConfig', () => {
  it('has defaults that suit one host', () => {
    expect(readConfig([], silent)).toEqual({
      etcd: { endpoints: ['http://127.0.0.1:2379'] },
      startsEtcd: true,
      etcdData: '/var/lib/causeway/etcd',
      etcdListen: '127.0.0.1',
      wanted: {},
      listen: { host: '127.0.0.1', port: 7480, socket: '/run/causeway/controller.sock' },
      names: [hostname(), '127.0.0.1'],
      logLevel: 'info',
    });
  });

  it('reads flags, and before them the environment', () => {
    vi.stubEnv('CAUSEWAY_NETWORK', '10.1.0.0/16');
    vi.stubEnv('CAUSEWAY_NODE_PORT_RANGE', '31000-31999');
    vi.stubEnv('CAUSEWAY_ETCD_URLS', 'http://a:1,http://b:2');
    const args = [
      '--network',
      '10.2.0.0/16',
      '--subnet-len',
      '25',
      '--socket',
      'none',
      '--listen',
      '[::1]:80',
    ];
    expect(readConfig(args, silent)).toMatchObject({
      etcd: { endpoints: ['http://a:1', 'http://b:2'] },
      startsEtcd: false,
      wanted: { network: '10.2.0.0/16', subnetLen: 25, nodePorts: { min: 31000, max: 31999 } },
      listen: { host: '::1', port: 80 },
    });
  });

  it.each([
    [['--listen', 'x'], 'listen "x" is not an address and port such as 127.0.0.1:7480'],
    [['--listen', 'x:99999'], 'listen "x:99999" is not an address and port'],
    [['--subnet-len', 'wide'], 'subnet-len "wide" is not a prefix length such as 24'],
    [['--node-port-range', '9-1'], 'node-port-range "9-1" is not a range of ports such as 30000-32767'],
    [['--node-port-range', '0-70000'], 'node-port-range "0-70000" is not a range of ports'],
    [['--server-names', 'a.example,b c'], 'server-names "b c" is not a DNS name such as causeway.example'],
    [['--server-names', 'http://a.example'], 'server-names "http://a.example" is not a DNS name'],
    [['--log-level', 'loud'], "argument 'loud' is invalid"],
    [['--colour'], "unknown option '--colour'"],
    [['now'], 'too many arguments'],
    [['--socket', ''], 'socket "" is not a path such as /run/causeway/controller.sock, nor "none"'],
    [['--socket', `/${'x'.repeat(107)}`], "is longer than the 107 bytes that a unix socket's path can have"],
    [['--etcd', 'ftp://a'], '--etcd "ftp://a" is not an address of the form http://HOST:PORT'],
    [['--etcd', 'http://a:1,'], '--etcd "" is not an address'],
    [
      ['--etcd-cafile', '/ca.pem'],
      '--etcd-cafile "/ca.pem" is for an etcd of your own: name that one with --etcd',
    ],
    [['--etcd', 'https://a', '--etcd-certfile', '/c.pem'], 'needs its private key'],
    [['--etcd-prefix', '//'], '--etcd-prefix "//" is not the start of keys'],
    [['--vni', 'x'], 'vni "x" is not a whole number'],
    [['--masquerade', 'maybe'], 'masquerade "maybe" is neither "true" nor "false"'],
  ])('%j is refused in one sentence', (args, sentence) => {
    expect(() => readConfig(args, silent)).toThrow(sentence);
  });

  it('knows the names at which users reach it', () => {
    const args = ['--listen', 'api.example:80', '--server-names', 'a.example, b.example'];
    expect(readConfig(args, silent)?.names).toEqual([hostname(), 'api.example', 'a.example', 'b.example']);
  });

  it('knows the addresses at which others reach the controller and etcd', () => {
    const own = (...args: string[]) => readConfig(args, silent)?.wanted.own;
    expect(own('--listen', '10.0.0.5:7480', '--etcd-listen', '10.0.0.6')).toEqual([
      { flag: 'listen', address: '10.0.0.5' },
      { flag: 'etcd-listen', address: '10.0.0.6' },
    ]);
    expect(own('--listen', '0.0.0.0:7480', '--etcd', 'http://10.0.0.7:2379')).toEqual([
      { flag: 'etcd', address: '10.0.0.7' },
    ]);
  });

  it('reads the first configuration of a network of both families', () => {
    vi.stubEnv('CAUSEWAY_SUBNET_LEN_IPV6', '72');
    const args = [
      ...['--network', 'none', '--network-ipv6', 'fd00:10::/48', '--backend', 'vxlan', '--direct-routing'],
      ...['--vni', '7', '--port', '4789', '--mtu', '1400', '--masquerade', 'false'],
      ...['--non-masquerade', '10.0.0.0/8, fd00::/8', '--etcd-prefix', '/other/network/'],
      ...['--service-range-ipv6', 'fd00:96::/112', '--node-port-cidrs', '192.168.122.0/24, fd00:122::/64'],
    ];
    expect(readConfig(args, silent)).toMatchObject({
      etcd: { endpoints: ['http://127.0.0.1:2379'], prefix: '/other/network' },
      wanted: {
        network: 'none',
        networkIpv6: 'fd00:10::/48',
        subnetLenIpv6: 72,
        backend: 'vxlan',
        directRouting: true,
        vni: 7,
        port: 4789,
        mtu: 1400,
        masquerade: false,
        nonMasqueradeCidrs: ['10.0.0.0/8', 'fd00::/8'],
        serviceRangeIpv6: 'fd00:96::/112',
        nodePortCidrs: ['192.168.122.0/24', 'fd00:122::/64'],
      },
    });
  });

  it('prints help and version, and is done', () => {
    let said = '';
    const say = (text: string) => {
      said += text;
    };
    expect(readConfig(['--help'], say)).toBeUndefined();
    expect(said).toContain('--service-range <cidr>');
    expect(readConfig(['--version'], say)).toBeUndefined();
  });
});
