import { describe, expect, it } from 'vitest';
import { type RawConfig, readConfig } from './config.ts';

const RAW: RawConfig = {
  ...{ etcd: 'http://127.0.0.1:2379', stateDir: '/var/lib/causeway', runDir: '/run/causeway' },
  ...{ resyncSeconds: '60', leaseHours: '24', aliveSeconds: '10', logLevel: 'info' },
  ...{
    subnetFile: '/run/flannel/subnet.env',
    healthAddr: '127.0.0.1:7481',
    apiAddr: ':7482',
    imageMaxBytes: '1000',
  },
};

describe('the command line', () => {
  it('is taken as meant', () => {
    const config = readConfig({
      ...RAW,
      etcd: 'http://a:2379,http://b',
      name: 'host-1',
      dataplane: 'iptables',
    });
    expect(config).toMatchObject({
      etcd: { endpoints: ['http://a:2379', 'http://b:2379'] },
      name: 'host-1',
      dataplane: 'iptables',
    });
    expect(config).toMatchObject({ resyncSeconds: 60, leaseHours: 24, aliveSeconds: 10 });
    expect(readConfig(RAW).dataplane).toBeUndefined();
  });

  it('names the link and its addresses, each in its canonical form', () => {
    const flags = { ifaceRegex: '^eth[0-9]$', ifaceCanReach: 'FD00::0:1', publicIp: '192.168.122.11' };
    expect(readConfig({ ...RAW, ...flags, publicIpv6: 'fd00:0:0::b' }).address).toEqual({
      ...{
        ifacePattern: '^eth[0-9]$',
        canReach: 'fd00::1',
        publicIp: '192.168.122.11',
        publicIpv6: 'fd00::b',
      },
    });
    expect(readConfig({ ...RAW, iface: 'br-lan.4' }).address).toEqual({ iface: 'br-lan.4' });
    expect(readConfig({ ...RAW, iface: 'FD00::B' }).address).toEqual({ iface: 'fd00::b' });
    expect(readConfig(RAW).address).toEqual({});
  });

  it('names the bridge, which can be no link of another meaning', () => {
    expect(readConfig({ ...RAW, bridge: 'br-web.1' }).address).toEqual({ bridge: 'br-web.1' });
    expect(readConfig({ ...RAW, bridge: 'cwy0' }).address).toEqual({});
    for (const [bridge, reason] of [
      ['sixteen-letters1', 'is no name of a link'],
      ['a b', 'is no name of a link'],
      ['..', 'is no name of a link'],
      ['lo', 'is the loopback link'],
      ['cwyx.1', "begins with cwy as Causeway's other links do: only cwy0 may"],
    ] as const)
      expect(() => readConfig({ ...RAW, bridge })).toThrow(`--bridge "${bridge}" ${reason}`);
  });

  it('says where the health pages and flannel’s file are, or that there are none', () => {
    expect(readConfig(RAW)).toMatchObject({
      subnetFile: '/run/flannel/subnet.env',
      health: { host: '127.0.0.1', port: 7481 },
    });
    expect(readConfig({ ...RAW, healthAddr: '[::1]:80' }).health).toEqual({ host: '::1', port: 80 });
    const none = readConfig({ ...RAW, healthAddr: 'off', subnetFile: 'none' });
    expect([none.health, none.subnetFile]).toEqual([undefined, undefined]);
  });

  it('says where others reach the agent, or that they do not', () => {
    expect(readConfig(RAW).api).toEqual({ port: 7482 });
    expect(readConfig({ ...RAW, apiAddr: '[FD00::b]:1' }).api).toEqual({ address: 'fd00::b', port: 1 });
    expect(readConfig({ ...RAW, apiAddr: 'off' }).api).toBeUndefined();
  });

  it('takes the password of etcd from elsewhere, and never repeats it', () => {
    const user = { etcdUsername: 'causeway' };
    expect(readConfig({ ...RAW, ...user }, 'secret').etcd.auth).toEqual({
      username: 'causeway',
      password: 'secret',
    });
    expect(() => readConfig({ ...RAW, ...user, etcdPasswordFile: '/x' }, 'secret')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });

  it.each<[Partial<RawConfig>, RegExp]>([
    [{ etcd: 'ftp://a' }, /^--etcd "ftp:\/\/a" is not an address/],
    [{ etcd: '' }, /^--etcd "" is not an address/],
    [{ etcdCertfile: '/x' }, /^--etcd-certfile "\/x" needs its private key/],
    [{ name: 'a b' }, /^--name "a b" is no name/],
    [{ name: 'x\n-A INPUT' }, /^--name "x\\n-A INPUT" is no name/],
    [{ name: 'x'.repeat(300) }, /^--name "x{59}… \(302 characters\) is no name/],
    [{ iface: 'eth0; reboot' }, /^--iface "eth0; reboot" is no name of a link and no address$/],
    [{ iface: 'fe80::1' }, /^--iface "fe80::1" is a link-local address: it has a meaning on one link only$/],
    [{ ifaceRegex: '(' }, /^--iface-regex "\(" is no regular expression: Unterminated group$/],
    [{ ifaceRegex: '' }, /^--iface-regex "" is empty and would match everything$/],
    [{ ifaceCanReach: 'host-2' }, /^--iface-can-reach "host-2" is no address$/],
    [{ ifaceCanReach: '::1' }, /^--iface-can-reach "::1" is a loopback address/],
    [{ publicIp: 'fd00::b' }, /^--public-ip "fd00::b" is no IPv4 address$/],
    [{ publicIp: '0.0.0.0' }, /^--public-ip "0.0.0.0" is no address of a host$/],
    [{ publicIp: '224.0.0.1' }, /^--public-ip "224.0.0.1" is a multicast address$/],
    [{ publicIpv6: '10.0.0.1' }, /^--public-ipv6 "10.0.0.1" is no IPv6 address$/],
    [{ publicIpv6: 'fe80::1%eth0' }, /^--public-ipv6 "fe80::1%eth0" is no IPv6 address$/],
    [{ healthAddr: '7481' }, /^--health-addr "7481" is neither ADDRESS:PORT, like 127.0.0.1:7481, nor off$/],
    [{ healthAddr: '127.0.0.1:0' }, /^--health-addr "127.0.0.1:0" is neither/],
    [{ healthAddr: '::1:7481' }, /^--health-addr "::1:7481" is neither/],
    [{ apiAddr: '7482' }, /^--api-addr "7482" is neither ADDRESS:PORT, nor :PORT, like :7482, nor off$/],
    [{ apiAddr: ':0' }, /^--api-addr ":0" is neither/],
    [{ apiAddr: 'localhost:1' }, /^--api-addr "localhost:1" is neither/],
    [{ apiAddr: '0.0.0.0:1' }, /^--api-addr "0.0.0.0:1" is every address of this host; name the one/],
    [{ healthAddr: 'a.example:7481' }, /^--health-addr "a.example:7481" is neither/],
    [{ subnetFile: 'subnet.env' }, /^--subnet-file "subnet.env" is no absolute path/],
    [{ publicIp: '10.0.0.256' }, /^--public-ip "10.0.0.256" is no IPv4 address/],
    [{ iface: 'lo' }, /^--iface "lo" is the loopback link: it leads to no other host$/],
    [{ publicIp: '127.0.0.1' }, /^--public-ip "127.0.0.1" is a loopback address: no other host reaches it$/],
    [{ dataplane: 'ebpf' }, /^--dataplane "ebpf" is none of nftables, iptables/],
    [{ stateDir: 'x' }, /^--state-dir "x" is no absolute path/],
    [{ resyncSeconds: '0' }, /^--resync-seconds "0" is no whole number from 1 to 86400/],
    [{ leaseHours: '1.5' }, /^--lease-hours "1.5" is no whole number/],
    [{ aliveSeconds: '-3' }, /^--alive-seconds "-3" is no whole number/],
    [{ logLevel: 'loud' }, /^--log-level "loud" is none of/],
  ])('is refused in one sentence: %o', (bad, sentence) => {
    expect(() => readConfig({ ...RAW, ...bad })).toThrow(sentence);
  });
});
