import { describe, expect, it } from 'vitest';
import type { AttachKind, ContainerSpec } from '../../shared/src/model/container.ts';
import { attach, useOthersWorld } from './containers-others.ts';
import { DUAL, web } from './containers-world.ts';

/** Containers of others that are not attached, and what is said of them. */
const others = useOthersWorld();
const { world, somebodys, stateOf } = others;
const reconcile = (...specs: ContainerSpec[]) => world.reconcile(DUAL, ...specs);
const reasonOf = async (...specs: ContainerSpec[]) => {
  const last = (await reconcile(...specs)).at(-1);
  return [last?.state, last?.reason];
};

describe('what cannot be attached', () => {
  it('is refused with a sentence that names it, and left as it is', async () => {
    const [pid, linked] = [await somebodys(), await somebodys('ip link add eth0 type veth peer name x')];
    others.docker.containers.set('ended', 0);
    await world.sh(
      'ip netns add linked; ip -n linked link add eth0 type veth peer name x; touch /run/file /run/uts; mount --bind /proc/self/ns/uts /run/uts',
    );
    const before = [await stateOf(pid), await stateOf(linked)];
    const cases: readonly (readonly [AttachKind, string | number, string, string])[] = [
      ['docker', 'nobody', 'failed', 'attaching docker:nobody: Docker has no container nobody'],
      ['docker', 'ended', 'detached', 'docker:ended does not run'],
      [
        'containerd',
        'nobody',
        'failed',
        'attaching containerd:nobody: containerd runs no container nobody in its namespace default',
      ],
      [
        'containerd',
        '../../x',
        'failed',
        'attaching containerd:../../x: attach "containerd:../../x" is none of containerd:ID',
      ],
      ['pid', 999_999, 'failed', 'attaching pid:999999: there is no process 999999 on this host'],
      ['pid', 'x', 'failed', 'attaching pid:x: attach "pid:x" is no process id'],
      [
        'pid',
        1,
        'failed',
        'attaching pid:1: it uses the host’s network and has no network namespace of its own',
      ],
      ['pid', linked, 'failed', `attaching pid:${linked}: it has a network already, a link eth0`],
      [
        'netns',
        '/run/netns/linked',
        'failed',
        'attaching netns:/run/netns/linked: it has a network already, a link eth0',
      ],
      [
        'netns',
        '/run/netns/none',
        'failed',
        'attaching netns:/run/netns/none: /run/netns/none is no network namespace of this host',
      ],
      [
        'netns',
        '/run/file',
        'failed',
        'attaching netns:/run/file: /run/file is no network namespace of this host',
      ],
      ...['/proc/1/ns/mnt', '/run/uts'].map(
        (path) =>
          [
            ...(['netns', path, 'failed'] as const),
            `attaching netns:${path}: ${path} is no network namespace of this host`,
          ] as const,
      ),
    ];
    for (const [kind, id, state, reason] of cases) {
      const told = await reasonOf(attach('a', kind, id));
      expect(told).toEqual([state, expect.stringContaining(reason)]);
    }
    expect([await stateOf(pid), await stateOf(linked)]).toEqual(before);
    expect(await world.sh('ls /run/netns')).toBe('linked\n');
  });

  it('is attached already, or is one of our own', async () => {
    const pid = await somebodys();
    const first = attach('first', 'pid', pid);
    const taken = [
      'failed',
      expect.stringContaining(`attaching pid:${pid}: it is attached already, as first`),
    ];
    expect(await reasonOf(first, attach('second', 'pid', pid))).toEqual(taken);
    expect(await reasonOf(first, attach('second', 'pid', pid))).toEqual(taken);
    const [own] = await reconcile(web('own'));
    expect(await reasonOf(web('own'), attach('again', 'pid', own?.pid ?? 0))).toEqual([
      'failed',
      expect.stringContaining('it is the network of container own, which Causeway runs'),
    ]);
  });

  it('is told where no engine answers', async () => {
    await others.docker.close();
    expect(await reasonOf(attach('a', 'docker', 'web'))).toEqual([
      'failed',
      expect.stringMatching(
        /^attaching docker:web: asking Docker at \S+: there is no such socket: Docker is not installed on this host, or not started$/,
      ),
    ]);
  });
});
