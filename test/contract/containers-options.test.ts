import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import { lendCgroups, mayLendCgroups } from './containers-cgroups.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld } from './containers-world.ts';

/** What a definition may say of its container beside its command, with real conmon and runc. */
const world = useContainerWorld(IPV4_BRIDGE);

const sleeper = (more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name: 'c', host: 'host-1', command: ['sleep', '1000'], files: {} },
  ...more,
});
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(IPV4, ...specs);
const inside = (name: string, script: string) => world.inside(name, 'sh', '-c', script);
async function only(more: Partial<ContainerSpec>): Promise<ContainerStatus | undefined> {
  return (await reconcile(sleeper(more)))[0];
}

describe('a container', () => {
  it('has the environment, working directory and host name that were asked for', async () => {
    const env = { A: 'one two', PATH: '/bin', HOSTNAME: 'mine' };
    await only({ env, workdir: '/var/new', hostname: 'www.example' });
    const seen = await inside(
      'c',
      'tr "\\0" "\\n" </proc/1/environ | sort; readlink /proc/1/cwd; hostname; cat /etc/hostname',
    );
    expect(seen).toBe(
      'A=one two\nHOME=/root\nHOSTNAME=mine\nPATH=/bin\n/var/new\nwww.example\nwww.example\n',
    );
    expect(await inside('c', 'cat /etc/hosts')).toContain('10.10.1.2\twww.example c\n');
  });

  it('runs its image’s own command when it names none', async () => {
    expect(await only({ command: [], restart: 'no' })).toMatchObject({ state: 'running' });
  });

  it('has folders and files of its host, which it may write unless they are read-only', async () => {
    const { dir } = world;
    mkdirSync(`${dir}/data`);
    writeFileSync(`${dir}/data/x`, 'of the host\n');
    await only({
      mounts: [
        { source: `${dir}/data`, destination: '/data' },
        { source: `${dir}/data/x`, destination: '/etc/motd', readOnly: true },
      ],
    });
    expect(await inside('c', 'cat /etc/motd; echo inside > /data/y')).toBe('of the host\n');
    expect(readFileSync(`${dir}/data/y`, 'utf8')).toBe('inside\n');
    await expect(inside('c', 'echo no > /etc/motd')).rejects.toThrow(/Read-only/);
    await world.sh(`mkdir ${dir}/data/below && mount -t tmpfs below ${dir}/data/below`);
    await only({ mounts: [{ source: `${dir}/data`, destination: '/data', readOnly: true }] });
    for (const path of ['/data/x', '/data/below/z'])
      await expect(inside('c', `echo no > ${path}`)).rejects.toThrow(/Read-only/);
    expect(await only({ mounts: [{ source: `${dir}/none`, destination: '/data' }] })).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^mounts ".*none" is nothing that can be mounted: it is not there$/),
    });
  });

  it('is the user that was asked for, by the names of its image', async () => {
    expect(await only({ user: 'root:tty', files: { '/etc/group': 'root:x:0:\ntty:x:0:\n' } })).toMatchObject({
      state: 'running',
    });
    expect(await only({ user: 'www-data' })).toMatchObject({
      state: 'failed',
      reason: 'user "www-data" is not in the /etc/passwd of the image',
    });
    // The world of this test has one user only, as an agent of an ordinary user does.
    expect(await only({ user: 'nobody' })).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /^user "nobody" is not possible on this host: its agent has 1 user number only/,
      ),
    });
  });

  it('knows its neighbours by name, and hears of those that come and go while it runs', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => sleeper({ name })) as [
      ContainerSpec,
      ContainerSpec,
      ContainerSpec,
    ];
    await reconcile(a, b);
    expect(await inside('a', 'ping -c 1 -W 2 b')).toContain('10.10.1.3');
    await reconcile(a, b, c);
    expect(await inside('a', 'ping -c 1 -W 2 c')).toContain('10.10.1.4');
    await reconcile(a, c);
    expect(await inside('a', 'cat /etc/hosts')).not.toContain('\tb\n');
    await expect(inside('a', 'ping -c 1 -W 2 b')).rejects.toThrow(/bad address/);
  });

  it('cannot make namespaces, mount, or load modules, whatever its user may', async () => {
    await only({});
    expect(await inside('c', 'grep Seccomp: /proc/1/status')).toContain('2');
    for (const command of ['unshare -U true', 'unshare -n true', 'mount -t tmpfs x /tmp', 'insmod /bin/sh'])
      await expect(inside('c', command), command).rejects.toThrow(/not permitted|permission denied/);
  });

  it('has no user namespace of its own where its agent has no users to give it, and says so', async () => {
    expect(await only({ userNamespace: true })).toMatchObject({
      state: 'failed',
      reason:
        "container c cannot have a user namespace of its own: this host's agent is in one itself, with 1 user number",
    });
  });

  it('says which program, folder or file it has not', async () => {
    expect(await only({ command: ['/bin/none'] })).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /starting container c: .*"?\/bin\/none"?: (stat \/bin\/none: )?no such file/,
      ),
    });
  });
});

describe('limits', () => {
  const limited: Partial<ContainerSpec> = { cpus: 0.5, memoryBytes: 64 * 2 ** 20 };

  it('are refused in one sentence where this agent may make no cgroups', async () => {
    expect(await only(limited)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(
        /^container c cannot be limited \(cpus and memory\): this agent may not make cgroups: \/sys\/fs\/cgroup\//,
      ),
    });
    expect(await only({})).toMatchObject({ state: 'running' });
  });

  it('hold where it may', async () => {
    // An ordinary user's host refuses, as above; and so does one without the trees of cgroup v1.
    if (!mayLendCgroups() || !existsSync('/sys/fs/cgroup/memory')) return;
    const takeBack = await lendCgroups(world);
    try {
      expect(await only(limited)).toMatchObject({ state: 'running', address: '10.10.1.2' });
      const group = (await world.net.sh('ls -d /sys/fs/cgroup/memory/causeway-*/c')).stdout.trim();
      const cpu = group.replace('/memory/', '/cpu/');
      const read = async (file: string) => (await world.net.sh(`cat ${file}`)).stdout.trim();
      expect(await read(`${cpu}/cpu.cfs_quota_us`)).toBe('50000');
      expect(await read(`${cpu}/cpu.cfs_period_us`)).toBe('100000');
      expect(await read(`${group}/memory.limit_in_bytes`)).toBe(String(64 * 2 ** 20));
      // No more with swap than without, where the kernel counts it.
      if (existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes'))
        expect(await read(`${group}/memory.memsw.limit_in_bytes`)).toBe(String(64 * 2 ** 20));
      expect(await read(`${group}/cgroup.procs`)).not.toBe('');
      const greedy = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=256M', 'count=1'];
      const end = { state: 'exited', exitCode: 137, reason: expect.stringContaining('for want of memory') };
      const killed = () => only({ ...limited, command: greedy, restart: 'no' });
      await expect.poll(killed, { timeout: 60_000 }).toMatchObject(end);
      // What is left of it is gone, and what became of it is remembered.
      expect(await killed()).toMatchObject(end);
      await reconcile();
      expect((await world.net.sh('ls -d /sys/fs/cgroup/*/causeway-*/c || :')).stdout).toBe('');
      await world.agent(IPV4, { removeAll: true });
      expect((await world.net.sh('ls -d /sys/fs/cgroup/*/causeway-* || :')).stdout).toBe('');
    } finally {
      await world.agent(IPV4, { removeAll: true });
      takeBack();
    }
  });
});
