import { describe, expect, it } from 'vitest';
import { isStaticElf } from '../images/elf.ts';
import { hostLines, hostsFile, reachableNameServers } from './etc.ts';
import { boundingSet, isSince, usersIn } from './host.ts';
import { ociConfig, workdirOf } from './oci.ts';

const spec = { name: 'web-1', host: 'h', command: ['sleep', '1'], files: {} };
const facts = {
  capabilities: new Set(['CAP_NET_RAW', 'CAP_KILL', 'CAP_SYS_ADMIN']),
  ipv6: true,
  users: 1,
  changesWholeTrees: true,
  rootfs: '/r',
  netnsPath: '/run/netns/cwy-web-1',
  image: { entrypoint: [], cmd: ['sh'], env: ['PATH=/bin', 'A=1'] },
  user: { uid: 0, gid: 0, additionalGids: [], home: '/root' },
  made: { '/etc/hosts': '/etc/made' },
  cgroup: { path: '/causeway/web-1', limitsSwap: true },
  sharesNetns: false,
  bringsLink: true,
  withoutIpv6: false,
  seccomp: undefined,
};

describe('the OCI configuration', () => {
  it('joins the network namespace, owns the others, and hands on no more than exists', () => {
    expect(ociConfig(spec, { ...facts, inUserNamespace: false })).toMatchObject({
      hostname: 'web-1',
      root: { path: '/r', readonly: false },
      process: {
        args: ['sleep', '1'],
        noNewPrivileges: true,
        capabilities: { bounding: ['CAP_KILL', 'CAP_NET_RAW'] },
        env: expect.arrayContaining(['HOSTNAME=web-1']),
      },
      linux: {
        namespaces: [
          { type: 'pid' },
          { type: 'mount' },
          { type: 'uts' },
          { type: 'ipc' },
          { type: 'network', path: '/run/netns/cwy-web-1' },
        ],
        cgroupsPath: '/causeway/web-1',
      },
    });
  });

  it('limits memory with swap where the kernel can, or the rest would only be slow', () => {
    const limited = { ...spec, cpus: 0.25, memoryBytes: 1024 };
    const resources = (limitsSwap: boolean) => {
      const cgroup = { path: '/x', limitsSwap };
      return ociConfig(limited, { ...facts, cgroup, inUserNamespace: false });
    };
    const memory = { limit: 1024, swap: 1024 };
    const cpu = { quota: 25_000, period: 100_000 };
    expect(resources(true)).toMatchObject({ linux: { cgroupsPath: '/x', resources: { memory, cpu } } });
    expect(JSON.stringify(resources(false))).toContain('"memory":{"limit":1024}');
  });

  it('begins in the folder of the definition, else of the image, which must be an absolute path', () => {
    const image = (workdir: string) => ({ ...facts.image, workdir });
    expect(workdirOf({ ...spec, workdir: '/mine' }, image('rel'))).toBe('/mine');
    expect([
      workdirOf(spec, image('/www')),
      workdirOf(spec, image('')),
      workdirOf(spec, facts.image),
    ]).toEqual([...['/www', '/', '/']]);
    expect(() => workdirOf(spec, image('rel/x'))).toThrow(
      'workdir "rel/x" is that of its image and no absolute path: give one',
    );
  });

  it('has read-only mounts with all that is mounted below them, where the kernel can do that', () => {
    const mounts = [{ source: '/srv', destination: '/srv', readOnly: true }];
    const options = (changesWholeTrees: boolean) => {
      const config = ociConfig({ ...spec, mounts }, { ...facts, changesWholeTrees, inUserNamespace: false });
      return (config as { mounts: { options: string[] }[] }).mounts.at(-1)?.options;
    };
    expect(options(true)).toEqual(['rbind', 'rprivate', 'ro', 'rro']);
    expect(options(false)).toEqual(['rbind', 'rprivate', 'ro']);
    const known = ['6.1.0-18-amd64', '5.12.0', '5.10.0-28-amd64', '4.19.0', '10.0'];
    expect(known.map((one) => isSince(one, [5, 12]))).toEqual([true, true, false, false, true]);
  });

  it('makes it deaf to routers, where there is IPv6', () => {
    const sysctls = (ipv6: boolean) =>
      JSON.stringify(ociConfig(spec, { ...facts, ipv6, inUserNamespace: true }));
    expect(sysctls(true)).toContain('"net.ipv6.conf.eth0.accept_ra":"0"');
    expect(sysctls(false)).not.toContain('ipv6');
    expect(sysctls(false)).toContain('"net.ipv4.ping_group_range":"0 0"');
  });

  it('gives a link without IPv6 no address of it at all: one that every link has would be a way around policies', () => {
    const sysctls = (withoutIpv6: boolean, ipv6 = true) =>
      JSON.stringify(ociConfig(spec, { ...facts, ipv6, withoutIpv6, inUserNamespace: true }));
    expect(sysctls(true)).toContain('"net.ipv6.conf.eth0.disable_ipv6":"1"');
    expect(sysctls(false)).not.toContain('disable_ipv6');
    expect(sysctls(true, false)).not.toContain('ipv6');
  });

  it('leaves out in a user namespace what cannot be there: sysfs, the group of terminals', () => {
    const outside = JSON.stringify(ociConfig(spec, { ...facts, inUserNamespace: false }));
    const inside = JSON.stringify(ociConfig(spec, { ...facts, inUserNamespace: true }));
    for (const part of ['"sysfs"', '"gid=5"']) {
      expect(outside).toContain(part);
      expect(inside).not.toContain(part);
    }
  });
});

describe('what the host says', () => {
  it('names the capabilities of the bounding set', () => {
    expect([...boundingSet('CapEff:\t00\nCapBnd:\t0000000000002021\n')]).toEqual([
      'CAP_CHOWN',
      'CAP_KILL',
      'CAP_NET_RAW',
    ]);
    expect(boundingSet('CapBnd:\t000001ffffffffff').has('CAP_SETFCAP')).toBe(true);
    expect(boundingSet('').size).toBe(0);
  });

  it('tells a static program by its missing loader', () => {
    const elf = (type: number): Buffer => {
      const file = Buffer.alloc(64 + 56);
      Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(file);
      file.writeBigUInt64LE(64n, 32);
      file.writeUInt16LE(56, 54);
      file.writeUInt16LE(1, 56);
      file.writeUInt32LE(type, 64);
      return file;
    };
    expect(isStaticElf(elf(1))).toBe(true);
    expect(isStaticElf(elf(3))).toBe(false);
    expect(isStaticElf(elf(1).subarray(0, 100))).toBe(false);
    expect(isStaticElf(Buffer.from('#!/bin/sh\n'.padEnd(200)))).toBe(false);
  });

  it('gives containers only name servers that they reach', () => {
    const text = '# x\nnameserver 127.0.0.53\nnameserver 192.168.1.1\n nameserver ::1\nnameserver fe80::1\n';
    expect(reachableNameServers(text)).toEqual(['192.168.1.1', 'fe80::1']);
  });

  it('puts a container’s own name into its hosts, and those of its neighbours', () => {
    const own = { ipv4: '10.10.1.2', ipv6: 'fd00::2' };
    const all = new Map<string, object>([
      ['web-3', { ipv4: '10.10.1.4' }],
      ['web-1', own],
      ['web-2', { ipv4: '10.10.1.3' }],
    ]);
    expect(hostsFile(spec, own, hostLines(all))).toBe(
      '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' +
        '10.10.1.2\tweb-1\nfd00::2\tweb-1\n10.10.1.3\tweb-2\n10.10.1.4\tweb-3\n',
    );
    expect(hostsFile({ ...spec, hostname: 'www' }, own, [])).toContain('10.10.1.2\twww web-1\n');
  });

  it('counts the user numbers from 0 on', () => {
    expect(usersIn('         0          0 4294967295\n')).toBe(4294967295);
    expect(usersIn('0 1000 1\n1 100000 65536\n')).toBe(65537);
    expect(usersIn('5 1000 1\n')).toBe(0);
  });
});
