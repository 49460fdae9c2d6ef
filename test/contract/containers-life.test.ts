import { mkdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { Call } from './containers-driver.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld } from './containers-world.ts';

/** What becomes of containers that end, are stopped, or whose agent goes away: with real conmon and runc. */
const world = useContainerWorld(IPV4_BRIDGE);

const shell = (script: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name: 'c', host: 'host-1', command: ['sh', '-c', script], files: {} },
  ...more,
});
const SLEEPER = 'trap "exit 5" TERM; echo up; sleep 1000 & wait';

async function agent(...calls: readonly Call[]): Promise<unknown[]> {
  return (await world.agent(IPV4, ...calls)).answers;
}
/** The state of the only container, as an agent that has just begun its life finds it. */
async function look(spec: ContainerSpec): Promise<ContainerStatus | undefined> {
  return (await world.reconcile(IPV4, spec))[0];
}
/** Waits until the container's program has said a word: only then does it hear signals. */
async function said(word: string): Promise<void> {
  await expect
    .poll(() => readFile(`${world.dir}/lib/containers/c.log`, 'utf8').catch(() => ''))
    .toContain(`stdout F ${word}`);
}
/** As one agent's life: reconciles again after each need, until the state is this one. */
async function reaches(spec: ContainerSpec, state: string): Promise<ContainerStatus | undefined> {
  let found: ContainerStatus | undefined;
  const stateOf = async () => {
    found = await look(spec);
    return found?.state;
  };
  await expect.poll(stateOf, { timeout: 60_000, interval: 20 }).toBe(state);
  return found;
}

describe('a container that ends by itself', () => {
  it('stays as it is with the policy no, also for agents to come, until it is asked to start', async () => {
    const once = shell('echo x >> /data; exit 7', { restart: 'no' });
    const ended = await reaches(once, 'exited');
    expect(ended).toMatchObject({ exitCode: 7, address: '10.10.1.2', startedAt: expect.any(String) });
    expect(await look(once)).toEqual(ended);
    expect((await world.net.sh('ls /run/netns; ip -o link')).stdout).not.toMatch(/cwy-c|cwy[0-9a-f]{10}/);
    const again = { ...once, command: ['sh', '-c', 'echo x >> /data; exit 7'], generation: 1 };
    const [started] = (await agent({ reconcile: [again] })) as ContainerStatus[][];
    expect(started).toMatchObject([{ state: 'running', restarts: 1, exitCode: 7, address: '10.10.1.2' }]);
    expect(await reaches(again, 'exited')).toMatchObject({ exitCode: 7, restarts: 1 });
    // What it has written is still there: each start added a line.
    expect(await readFile(`${world.dir}/lib/roots/c/upper/data`, 'utf8')).toBe('x\nx\n');
  });

  it('is started again with on-failure only when it has failed', async () => {
    expect(await reaches(shell('exit 0', { restart: 'on-failure' }), 'exited')).toMatchObject({
      exitCode: 0,
    });
    const failing = shell('exit 3', { restart: 'on-failure' });
    const [, needed, waiting, due, again] = await agent(
      ...[{ reconcile: [failing] }, { waitForNeed: true } as const, { reconcile: [failing] }],
      ...[{ waitForNeed: true } as const, { reconcile: [failing] }],
    );
    expect([needed, due]).toEqual(['needed', 'needed']);
    expect(waiting).toMatchObject([
      {
        state: 'failed',
        exitCode: 3,
        reason: expect.stringContaining('it has ended with exit code 3; failed once'),
      },
    ]);
    expect(again).toMatchObject([{ state: 'running', restarts: 1, exitCode: 3 }]);
  });

  it('tells how it ended although no agent was there', async () => {
    const spec = shell('sleep 1; exit 9', { restart: 'no' });
    await look(spec);
    await expect.poll(() => readFile(`${world.dir}/lib/exits/c`, 'utf8').catch(() => '')).toBe('9');
    expect(await look(spec)).toMatchObject({ state: 'exited', exitCode: 9 });
    const killed = shell('kill -9 $$; sleep 1; exit 1', { restart: 'no', generation: 1 });
    await look({ ...killed, command: ['sleep', '1000'] });
    const { pid = 0 } = (await look({ ...killed, command: ['sleep', '1000'] })) ?? {};
    await world.net.sh(
      `kill -9 $(grep -l 'NSpid:.*[^0-9]${pid}[^0-9]' /proc/*/status | cut -d/ -f3) || kill -9 ${pid}`,
    );
    expect(await reaches({ ...killed, command: ['sleep', '1000'] }, 'exited')).toMatchObject({
      exitCode: 137,
    });
  });
});

describe('a container whose monitor is slow', () => {
  it('has ended as that says, not unseen', async () => {
    const spec = shell('sleep 1000', { restart: 'no' });
    await look(spec);
    const { pid } = (await look(spec)) ?? {};
    // Its end is read twice: when the agent looks at all of them, and when it waits for this one; each writer here waits
    // for its reader, and a reader that came in between is let go.
    await world.net.sh(`
      cd ${world.dir}
      kill -STOP $(cat run/bundles/c/conmon.pid)
      kill -KILL ${pid}
      mkfifo looks waits
      ln looks lib/exits/c
      { echo >looks; ln -f waits lib/exits/c; : <>looks
        echo >waits; rm lib/exits/c; : <>waits
        kill -CONT $(cat run/bundles/c/conmon.pid); } >/dev/null 2>&1 &`);
    expect(await look(spec)).toMatchObject({ state: 'exited', exitCode: 137 });
  });
});

describe('a container that is stopped', () => {
  it('is asked to end, keeps its address and what it wrote, and starts again with both', async () => {
    const spec = shell(`echo mine > /data; ${SLEEPER}`);
    await world.reconcile(IPV4, { ...shell('exec sleep 1000'), name: 'b' }, spec);
    await said('up');
    const wanted: ContainerSpec = { ...spec, want: 'stopped' };
    const [asked, needed, stopped] = await agent(
      ...[{ reconcile: [wanted] }, { waitForNeed: true } as const, { reconcile: [wanted] }],
    );
    expect(asked).toMatchObject([{ state: 'running', reason: 'it was asked to stop' }]);
    expect(needed).toBe('needed');
    expect(stopped).toMatchObject([{ state: 'stopped', exitCode: 5, address: '10.10.1.3' }]);
    expect(await look(wanted)).toEqual((stopped as ContainerStatus[])[0]);
    expect(await look({ ...spec, generation: 1 })).toMatchObject({ state: 'running', address: '10.10.1.3' });
    expect(await world.inside('c', 'cat', '/data')).toBe('mine\n');
  });

  it('is killed when it does not listen, after its time', async () => {
    const deaf = shell('trap "" TERM; echo up; sleep 1000 & wait; sleep 1000', { stopSeconds: 1 });
    await look(deaf);
    await said('up');
    const wanted: ContainerSpec = { ...deaf, want: 'stopped' };
    const answers = await agent(
      ...[{ reconcile: [wanted] }, { waitForNeed: true } as const, { reconcile: [wanted] }],
      ...[{ waitForNeed: true } as const, { reconcile: [wanted] }],
    );
    expect(answers.at(-1)).toMatchObject([{ state: 'stopped', exitCode: 137 }]);
  });
});

describe('a host that lacks something', () => {
  it('says that its runtime is missing, and starts when it is there', async () => {
    for (const program of ['conmon', 'runc']) {
      const { stdout } =
        await world.net.sh(`for d in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
        [ -e $d/${program} ] && [ "$(readlink -f $d)" = $d ] && mount --bind /dev/null $d/${program} && echo $d/${program} || :; done`);
      expect(await look(shell('sleep 1000')), program).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining(program),
      });
      await world.net.sh(`umount ${stdout.split('\n').join(' ')}`);
    }
    expect(await look(shell('sleep 1000'))).toMatchObject({ state: 'running' });
  });

  it('says that its disk is full, stops and removes what it is asked to, and starts when there is space', async () => {
    const { net, dir } = world;
    await mkdir(`${dir}/lib`, { recursive: true });
    await net.sh(`mount -t tmpfs -o size=4m tmpfs ${dir}/lib`);
    const spec = shell('sleep 1000', { files: { '/data': 'x'.repeat(100_000) } });
    const warm = shell('sleep 1000', { name: 'warm', stopSeconds: 0 });
    expect(await look(warm)).toMatchObject({ state: 'running' });
    await net.sh(`cat /dev/zero > ${dir}/lib/full 2>/dev/null || :`);
    const stopped: ContainerSpec = { ...warm, want: 'stopped' };
    const ends = [{ reconcile: [stopped] }, { waitForNeed: true } as const, { reconcile: [stopped] }];
    expect((await agent(...ends)).at(-1)).toMatchObject([{ state: 'stopped' }]);
    expect(await look(spec)).toMatchObject({
      state: 'failed',
      reason: 'starting container c: no space is left on the disk',
    });
    expect((await net.sh(`ls ${dir}/lib/roots ${dir}/lib/containers`)).stdout).not.toContain('warm');
    await net.sh(`rm ${dir}/lib/full`);
    expect(await look(spec)).toMatchObject({ state: 'running' });
    expect((await world.inside('c', 'cat', '/data')).length).toBe(100_000);
  });
});
