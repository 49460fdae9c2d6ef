import { describe, expect, it } from 'vitest';
import { type RawConfig, readConfig } from './config.ts';

const RAW: RawConfig = {
  ...{ etcd: 'http://127.0.0.1:2379', stateDir: '/var/lib/causeway', runDir: '/run/causeway' },
  ...{ resyncSeconds: '60', leaseHours: '24', aliveSeconds: '10', logLevel: 'info' },
};

describe('the command line', () => {
  it('is taken as meant', () => {
    const config = readConfig({
      ...RAW,
      etcd: 'http://a:2379,https://b:2379',
      name: 'host-1',
      dataplane: 'iptables',
    });
    expect(config).toMatchObject({
      etcd: ['http://a:2379', 'https://b:2379'],
      name: 'host-1',
      dataplane: 'iptables',
    });
    expect(config).toMatchObject({ resyncSeconds: 60, leaseHours: 24, aliveSeconds: 10 });
    expect(readConfig(RAW).dataplane).toBeUndefined();
  });

  it.each<[Partial<RawConfig>, RegExp]>([
    [{ etcd: 'localhost' }, /^--etcd "localhost" is no URL/],
    [{ etcd: '' }, /^--etcd "" is no URL/],
    [{ name: 'a b' }, /^--name "a b" is no name/],
    [{ name: 'x\n-A INPUT' }, /^--name "x\\n-A INPUT" is no name/],
    [{ name: 'x'.repeat(300) }, /^--name "x{59}… \(302 characters\) is no name/],
    [{ iface: 'eth0; reboot' }, /^--iface "eth0; reboot" is no name of a link/],
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
