import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

/** What real machines get, as far as it can be checked without one. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const filesBelow = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));

/** The text of all sources of a program: where its flags are declared. */
const sourceOf = (folder: string) =>
  filesBelow(folder)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map(read)
    .join('\n');

/** The `--flags` that a text mentions. */
const flagsIn = (text: string) => [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? [])];

describe('the scripts', () => {
  const scripts = filesBelow('deploy').filter((path) => path.endsWith('.sh'));

  it.each(scripts)('%s is a valid sh script that stops at the first failure', (path) => {
    expect(spawnSync('sh', ['-n', join(ROOT, path)], { encoding: 'utf8' })).toMatchObject({ status: 0 });
    expect(read(path)).toMatch(/^#!\/bin\/sh\n/);
    expect(read(path)).toMatch(/^set -eu$/m);
  });

  it('are all there', () => {
    expect(scripts).toEqual(expect.arrayContaining(['deploy/setup-host.sh', 'deploy/packages.sh']));
  });
});

describe('setup-host.sh', () => {
  let home = '';
  let machine = '';

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'causeway-setup-'));
    machine = join(home, 'machine');
    cpSync(join(ROOT, 'deploy/setup-host.sh'), join(home, 'deploy/setup-host.sh'));
    cpSync(join(ROOT, 'deploy/systemd'), join(home, 'deploy/systemd'), { recursive: true });
    for (const folder of ['dist/bin', 'dist/proto', 'machine'])
      mkdirSync(join(home, folder), { recursive: true });
    for (const program of ['causeway-controller', 'causeway-agent', 'svcctl'])
      writeFileSync(join(home, 'dist/bin', `${program}.cjs`), `// ${program}\n`);
    writeFileSync(join(home, 'dist/proto/rpc.proto'), '');
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const setup = (...args: string[]) =>
    spawnSync('sh', [join(home, 'deploy/setup-host.sh'), ...args], { encoding: 'utf8' });
  const installed = () =>
    readdirSync(machine, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(machine.length + 1))
      .sort();
  const envOf = (program: string) => readFileSync(join(machine, `etc/causeway/${program}.env`), 'utf8');

  it('puts everything of a first host in its place, and takes it all back', () => {
    expect(setup('both', '--root', machine, '--public-ip', '192.168.56.11')).toMatchObject({ status: 0 });
    expect(installed()).toEqual([
      'etc/causeway/agent.env',
      'etc/causeway/controller.env',
      'etc/systemd/system/causeway-agent.service',
      'etc/systemd/system/causeway-controller.service',
      'opt/causeway/bin/causeway-agent.cjs',
      'opt/causeway/bin/causeway-controller.cjs',
      'opt/causeway/bin/svcctl.cjs',
      'opt/causeway/proto/rpc.proto',
      'usr/local/bin/causeway-agent',
      'usr/local/bin/causeway-controller',
      'usr/local/bin/svcctl',
    ]);
    expect(setup('uninstall', '--root', machine)).toMatchObject({ status: 0 });
    expect(installed()).toEqual([]);
  });

  it('writes what was asked for into the settings of both programs', () => {
    const settings = (program: string) => envOf(program).replace(/^#.*\n/gm, '');
    setup(
      ...['both', '--root', machine, '--public-ip', '10.0.0.1', '--listen', '10.0.0.1:7480'],
      ...['--network', '10.20.0.0/16', '--dataplane', 'iptables'],
    );
    expect(settings('controller')).toBe(
      'CAUSEWAY_ETCD_LISTEN=10.0.0.1\nCAUSEWAY_LISTEN=10.0.0.1:7480\nCAUSEWAY_NETWORK=10.20.0.0/16\n',
    );
    expect(settings('agent')).toBe('CAUSEWAY_PUBLIC_IP=10.0.0.1\nCAUSEWAY_DATAPLANE=iptables\n');
    setup(
      ...[
        'both',
        '--root',
        machine,
        '--network',
        'none',
        '--network-ipv6',
        'fd00:10::/48',
        '--backend',
        'host-gw',
      ],
      ...['--fallback', 'vxlan', '--public-ipv6', 'fd00::1'],
    );
    expect(settings('controller')).toBe(
      'CAUSEWAY_NETWORK=none\nCAUSEWAY_NETWORK_IPV6=fd00:10::/48\nCAUSEWAY_BACKEND=host-gw\nCAUSEWAY_FALLBACK=vxlan\n',
    );
    expect(settings('agent')).toBe('CAUSEWAY_PUBLIC_IPV6=fd00::1\n');
    setup('both', '--root', machine, '--etcd', 'http://a:2379,http://b:2379', '--iface', 'lo');
    expect(settings('controller')).toBe('CAUSEWAY_ETCD_URLS=http://a:2379,http://b:2379\n');
    expect(settings('agent')).toBe('CAUSEWAY_ETCD_URLS=http://a:2379,http://b:2379\nCAUSEWAY_IFACE=lo\n');
  });

  it('keeps an edited file when it is run again without options', () => {
    setup('agent', '--root', machine, '--etcd', 'http://10.0.0.1:2379');
    writeFileSync(join(machine, 'etc/causeway/agent.env'), 'CAUSEWAY_ETCD_URLS=http://10.0.0.9:2379\n');
    expect(setup('agent', '--root', machine)).toMatchObject({ status: 0 });
    expect(envOf('agent')).toBe('CAUSEWAY_ETCD_URLS=http://10.0.0.9:2379\n');
  });

  it('leaves a program of the same name that it did not install', () => {
    setup('agent', '--root', machine, '--etcd', 'http://10.0.0.1:2379');
    writeFileSync(join(machine, 'usr/local/bin/svcctl'), '#!/bin/sh\n');
    setup('uninstall', '--root', machine);
    expect(installed()).toEqual(['usr/local/bin/svcctl']);
  });

  it('names everything that is missing, and changes nothing', () => {
    rmSync(join(home, 'dist'), { recursive: true });
    const result = setup('both', '--root', machine);
    expect(result.status).toBe(1);
    for (const part of ['causeway-agent.cjs', 'svcctl.cjs', 'dist/proto'])
      expect(result.stderr).toContain(part);
    expect(installed()).toEqual([]);
  });

  it.each([
    [[], 'what to set up is missing'],
    [['host'], '"host"'],
    [['agent'], '--etcd is missing'],
    [['agent', '--bogus', 'x'], '"--bogus"'],
    [['both', '--public-ip'], '--public-ip needs a value'],
    [['both', '--public-ip', '1.2.3.256'], '--public-ip "1.2.3.256"'],
    [['both', '--public-ip', '1.2.3.4\nX=1'], '--public-ip "1.2.3.4'],
    [['both', '--iface', 'no such link'], '--iface "no such link"'],
    [['both', '--iface', 'lo', '--public-ip', '1.2.3.4'], 'give one of them'],
    [['both', '--etcd', 'http://x;reboot'], '--etcd "http://x;reboot"'],
    [['both', '--listen', '1.2.3.4:0'], '--listen "1.2.3.4:0"'],
    [['both', '--listen', '1.2.3.4:65536'], '--listen "1.2.3.4:65536"'],
    [['agent', '--listen', '1.2.3.4:80'], '--listen does not belong to "agent"'],
    [['both', '--network', '10.10.0.0'], '--network "10.10.0.0"'],
    [['both', '--dataplane', 'ebpf'], '--dataplane "ebpf"'],
    [['both', '--network-ipv6', '10.0.0.0/8'], '--network-ipv6 "10.0.0.0/8"'],
    [['both', '--public-ipv6', '::1;reboot'], '--public-ipv6 "::1;reboot"'],
    [['both', '--backend', 'udp'], '--backend "udp"'],
    [['both', '--fallback', 'host-gw'], '--fallback "host-gw"'],
    [['both', '--network', 'none'], '--network "none" needs --network-ipv6'],
    [
      ['both', '--backend', 'vxlan', '--fallback', 'vxlan'],
      '--fallback "vxlan" goes with the backend host-gw',
    ],
    [['agent', '--network-ipv6', 'fd00::/48'], '--network-ipv6 does not belong to "agent"'],
    [['controller', '--public-ipv6', 'fd00::1'], '--public-ipv6 does not belong to "controller"'],
    [['uninstall', '--etcd', 'http://x'], '--etcd does not belong to "uninstall"'],
  ])('refuses %j', (args, said) => {
    const [role, ...options] = args;
    // Never without --root: a fault that is not refused must not reach this machine.
    const result = setup(...(role === undefined ? [] : [role, '--root', machine, ...options]));
    expect(result.status).toBe(2);
    expect(result.stderr).toContain(said);
    expect(installed()).toEqual([]);
  });
});

describe('the systemd units', () => {
  const unit = (name: string) => {
    const lines = read(`deploy/systemd/causeway-${name}.service`).split('\n');
    return lines.filter((line) => !line.startsWith('#')).join('\n');
  };

  it.each(['agent', 'controller'])(
    '%s: starts by itself, comes back, and keeps what is below /run',
    (name) => {
      expect(unit(name)).toMatch(/^\[Unit\]$[\s\S]*^\[Service\]$[\s\S]*^\[Install\]$/m);
      for (const line of [
        'Type=exec',
        'Restart=always',
        'StartLimitIntervalSec=0',
        `EnvironmentFile=-/etc/causeway/${name}.env`,
        'RuntimeDirectory=causeway',
        'RuntimeDirectoryPreserve=yes',
        'StateDirectory=causeway',
        'WantedBy=multi-user.target',
      ])
        expect(unit(name).split('\n')).toContain(line);
      expect(unit(name)).toMatch(new RegExp(`^ExecStart=/usr/local/bin/causeway-${name}( |$)`, 'm'));
      // V8 compiles at run time.
      expect(unit(name)).not.toContain('MemoryDenyWriteExecute');
    },
  );

  it('the agent leaves containers and rules when it stops, and sees the host as it is', () => {
    expect(unit('agent')).toMatch(/^KillMode=process$/m);
    expect(unit('agent')).not.toMatch(
      /^(ExecStop|ExecStopPost|Private|Protect|ReadOnly|Temporary|NoNewPriv)/m,
    );
    expect(unit('agent')).not.toMatch(/^CapabilityBoundingSet=.*(NET_ADMIN|NET_RAW|SYS_ADMIN)/m);
  });
});

describe('the Vagrantfile', () => {
  const vagrantfile = read('Vagrantfile');

  it('runs scripts that are there, with options that setup-host.sh knows', () => {
    const named = [...vagrantfile.matchAll(/(deploy\/[\w/-]+\.sh)/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(2);
    expect(filesBelow('deploy')).toEqual(expect.arrayContaining(named));
    const help = execFileSync('sh', [join(ROOT, 'deploy/setup-host.sh'), '--help'], { encoding: 'utf8' });
    for (const flag of flagsIn(vagrantfile)) expect(help).toContain(`${flag} `);
  });

  it('has machines for the containers of web.yaml', () => {
    const hosts = [...vagrantfile.matchAll(/'(host-\d)' => '192\.168\.56\.1\d'/g)].map((match) => match[1]);
    const containers = parseAllDocuments(read('deploy/vagrant/web.yaml')).map((document) => document.toJS());
    expect(hosts).toEqual(['host-1', 'host-2', 'host-3']);
    expect(containers.map(({ kind, host }) => [kind, host])).toEqual(
      hosts.map((host) => ['Container', host]),
    );
  });
});

describe('what scripts and documents give to the programs', () => {
  const settings = (file: string) => {
    const [, list] = new RegExp(`write_env ${file} (.*?)\\n {4}\\[|write_env ${file} (.*?)\\n {2}fi`, 's')
      .exec(read('deploy/setup-host.sh'))
      ?.filter((part) => part !== undefined) ?? ['', ''];
    return [...(list ?? '').matchAll(/CAUSEWAY_([A-Z_]+)=/g)].map((match) => match[1] ?? '');
  };
  const flagOf = (setting: string) => `--${setting.replace('_URLS', '').replaceAll('_', '-').toLowerCase()}`;

  it.each([
    ['controller/src', settings('controller').map(flagOf)],
    ['node-agent/src', [...settings('agent').map(flagOf), '--keep-lease', '--lease-hours', '--log-level']],
    ['svcctl/src', flagsIn(/svcctl expose[\s\S]*?--wait/.exec(read('deploy/vagrant/verify.sh'))?.[0] ?? '')],
  ])('%s declares %j', (folder, flags) => {
    const source = sourceOf(folder);
    const declared = (flag: string) => new RegExp(`['"\`,]\\s*(-\\w, )?${flag}[ '"\`]`).test(source);
    expect(flags.length).toBeGreaterThan(3);
    expect(flags.filter((flag) => !declared(flag))).toEqual([]);
  });

  it('names etcd in one variable, which both programs read', () => {
    for (const folder of ['controller/src', 'node-agent/src']) expect(sourceOf(folder)).toMatch(/ETCD_URLS'/);
  });
});
