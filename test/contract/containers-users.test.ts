import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import { lendCgroups, mayLendCgroups } from './containers-cgroups.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld, web } from './containers-world.ts';

/** Containers with users of their own. Only an agent that is the machine's root has any to give; others say so. */
const FIRST = 1_900_000_000;
const WHOLE_MAP = /^\s*0\s+0\s+4294967295\s*$/;
const mayGive = mayLendCgroups() && WHOLE_MAP.test(readFileSync('/proc/self/uid_map', 'utf8'));

const world = useContainerWorld(IPV4_BRIDGE, { users: mayGive ? 'all' : 'one' });
let takeBack = () => {};
beforeEach(async () => {
  // Programs that are nobody here must be let through to their files, as below /var/lib.
  await world.sh(`chmod 711 ${world.dir}`);
  if (mayGive) takeBack = await lendCgroups(world);
});
afterEach(async () => {
  await world.agent(IPV4, { removeAll: true });
  takeBack();
});

const reconcile = (...specs: ContainerSpec[]) => world.reconcile(IPV4, ...specs);
const mapped = (name: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...web(name, {}, '0.0.0.0:80'),
  ...{ userNamespace: true, ...more },
});
const shell = async (name: string, script: string) => (await world.inside(name, 'sh', '-c', script)).trim();
const owner = async (path: string) => (await world.sh(`stat -c '%u:%g' ${path}`)).trim();
const SENTENCE =
  /^container \w+ cannot have a user namespace of its own: this host's agent is in one itself, with 1 user number$/;

/** The first process of the first of them. */
async function pidOf(...specs: ContainerSpec[]): Promise<number | undefined> {
  const [status] = await reconcile(...specs);
  expect(status).toMatchObject({ state: 'running', pid: expect.any(Number) });
  return status?.pid;
}

function whereThereAreUsers(): void {
  it('has a root that is nobody outside, and a user who is another nobody', async () => {
    const root = await pidOf(mapped('a'));
    expect((await world.sh(`cat /proc/${root}/uid_map /proc/${root}/gid_map`)).split(/\s+/).join(' ')).toBe(
      ` 0 ${FIRST} 65536 0 ${FIRST} 65536 `,
    );
    expect(await shell('a', 'id -u; id -g')).toBe('0\n0');
    expect(await owner(`/proc/${root}`)).toBe(`${FIRST}:${FIRST}`);
    expect(await shell('a', 'readlink /proc/self/ns/user')).not.toBe(
      (await world.sh('readlink /proc/self/ns/user')).trim(),
    );
    const user = await pidOf(mapped('b', { user: '1000:100' }));
    expect(await owner(`/proc/${user}`)).toBe(`${FIRST + 1000}:${FIRST + 100}`);
  });

  it('owns its image’s files and those that it makes, which are nobody’s outside; the image’s stay what they are', async () => {
    await pidOf(mapped('a'), mapped('b'), web('plain'));
    expect(await shell('a', 'stat -c %u:%g /bin/busybox /www/hello; touch /mine; stat -c %u:%g /mine')).toBe(
      '0:0\n0:0\n0:0',
    );
    expect(await owner(`${world.dir}/lib/roots/a/upper/mine`)).toBe(`${FIRST}:${FIRST}`);
    expect(await owner(`${world.dir}/lib/mapped/*/bin/busybox`)).toBe(`${FIRST}:${FIRST}`);
    expect(await shell('plain', 'stat -c %u:%g /bin/busybox; readlink /proc/self/ns/user')).toBe(
      `0:0\n${(await world.sh('readlink /proc/self/ns/user')).trim()}`,
    );
    await expect(shell('b', 'ls /mine')).rejects.toThrow(/No such file/);
  });

  it('has its network like any other, and may do there what its root may', async () => {
    await pidOf(mapped('a'), mapped('b'));
    expect(await shell('a', 'wget -qO- http://10.10.1.3/hello')).toBe('hello from b');
    expect(await world.ping('a', '10.10.1.1')).toContain('1 packets received');
    expect(await world.sh('curl -sm 10 http://10.10.1.2/hello')).toBe('hello from a\n');
    await expect(shell('a', 'ip link set eth0 down')).rejects.toThrow(/not permitted/);
  });

  it('cannot read what is only for the host’s root, nor become it', async () => {
    writeFileSync(`${world.dir}/secret`, 'of the host\n', { mode: 0o600 });
    const mounts = [{ source: `${world.dir}/secret`, destination: '/secret' }];
    await pidOf(mapped('a', { mounts }));
    expect(await shell('a', 'stat -c %u /secret')).toBe('65534');
    await expect(shell('a', 'cat /secret')).rejects.toThrow(/Permission denied/);
    await expect(shell('a', 'chown 0 /secret')).rejects.toThrow(/not permitted/);
    // Elsewhere, the same root reads it.
    await reconcile(web('b', {}, '0.0.0.0:80'), { ...web('plain'), mounts });
    expect(await shell('plain', 'cat /secret')).toBe('of the host');
    expect(statSync(`${world.dir}/secret`).uid).toBe(0);
  });

  it('says which folder keeps its users from its files, and starts once they are let through', async () => {
    await world.sh(`chmod 700 ${world.dir}`);
    const [closed, plain] = await reconcile(mapped('a'), web('plain'));
    expect(closed).toMatchObject({
      state: 'failed',
      reason:
        'container a cannot have a user namespace of its own: its users, nobody on this host, must go through ' +
        `${world.dir}, which is closed to others (chmod o+x ${world.dir}, or another --state-dir)`,
    });
    expect(plain).toMatchObject({ state: 'running' });
    await world.sh(`chmod 711 ${world.dir}`);
    await pidOf(mapped('a'));
  });

  it('leaves nothing behind, and lives on when its agent is restarted', async () => {
    const before = await world.traces();
    const pid = await pidOf(mapped('a'));
    expect(await pidOf(mapped('a'))).toBe(pid);
    await reconcile();
    expect(await world.traces()).toBe(before);
    await world.agent(IPV4, { removeAll: true });
    expect(await world.sh(`ls ${world.dir}/lib`)).toBe('');
  });
}

function whereThereAreNone(): void {
  it('is refused with a sentence, and leaves nothing behind', async () => {
    const before = await world.traces();
    const [status, plain] = await reconcile(mapped('a'), web('plain'));
    expect(status).toMatchObject({ state: 'failed', reason: expect.stringMatching(SENTENCE) });
    expect(plain).toMatchObject({ state: 'running' });
    await reconcile();
    expect(await world.traces()).toBe(before);
    await world.agent(IPV4, { removeAll: true });
    expect(await world.sh(`ls ${world.dir}/lib`)).toBe('');
  });
}

describe('a container with users of its own', mayGive ? whereThereAreUsers : whereThereAreNone);
