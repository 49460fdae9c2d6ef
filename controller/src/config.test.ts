import { afterEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from './config.ts';

afterEach(() => vi.unstubAllEnvs());

const silent = () => {};

describe('readConfig', () => {
  it('has defaults that suit one host', () => {
    expect(readConfig([], silent)).toEqual({
      etcd: undefined,
      etcdData: '/var/lib/causeway/etcd',
      etcdListen: '127.0.0.1',
      wanted: {},
      listen: { host: '127.0.0.1', port: 7480, socket: '/run/causeway/controller.sock' },
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
      etcd: ['http://a:1', 'http://b:2'],
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
    [['--log-level', 'loud'], "argument 'loud' is invalid"],
    [['--colour'], "unknown option '--colour'"],
    [['now'], 'too many arguments'],
    [['--socket', ''], 'socket "" is not a path such as /run/causeway/controller.sock, nor "none"'],
    [['--socket', `/${'x'.repeat(107)}`], "is longer than the 107 bytes that a unix socket's path can have"],
    [['--etcd', 'garbage'], 'etcd "garbage" is not the address of an etcd such as http://127.0.0.1:2379'],
    [['--etcd', 'http://a:1,'], 'etcd "" is not the address of an etcd'],
    [['--etcd', 'a:2379'], 'etcd "a:2379" is not the address of an etcd'],
  ])('%j is refused in one sentence', (args, sentence) => {
    expect(() => readConfig(args, silent)).toThrow(sentence);
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
