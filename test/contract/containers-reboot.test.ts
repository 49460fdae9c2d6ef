import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld } from './containers-world.ts';

/** What becomes of containers whose host is started again, by a power cut or in order: with real conmon and runc. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const PATIENT = { timeout: 60_000, interval: 50 };

const world = useContainerWorld(IPV4_BRIDGE);

const shell = (name: string, script: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name, host: 'host-1', command: ['sh', '-c', script], files: {} },
  ...more,
});
const look = (...specs: ContainerSpec[]) => world.reconcile(IPV4, ...specs);
const states = async (...specs: ContainerSpec[]) => (await look(...specs)).map(({ state }) => state);
const exits = async () => (await readdir(`${world.dir}/lib/exits`)).sort();

/** Everything that a power cut takes: processes, namespaces, mounts, /run, and the number of the boot. */
async function powerCut(): Promise<void> {
  const { net, dir } = world;
  await writeFile(`${dir}/boot`, '11111111-2222-3333-4444-555555555555\n');
  await net.sh(`
    for process in $(pidof conmon) $(pidof sleep); do [ "$process" = 1 ] || kill -9 $process || :; done
    for mount in $(cut -d' ' -f2 /proc/self/mounts | grep ^${dir}/lib/roots/); do umount $mount; done
    for netns in $(ip netns list | cut -d' ' -f1); do ip netns delete $netns; done
    rm -rf ${dir}/run; mount --bind ${dir}/boot ${BOOT_ID}`);
}

/** The agent is told to end on a host whose systemd says this of itself. */
async function agentEnds(state: string): Promise<void> {
  const { dir } = world;
  await mkdir(`${dir}/bin`);
  const script = `#!/bin/sh\necho ${state}\n[ ${state} = running ]\n`;
  await writeFile(`${dir}/bin/systemctl`, script, { mode: 0o755 });
  await world.agentWith(`${dir}/bin`, IPV4, { noteShutdown: true });
}

async function said(name: string, word: string): Promise<void> {
  const log = () => readFile(`${world.dir}/lib/containers/${name}.log`, 'utf8').catch(() => '');
  await expect.poll(log, PATIENT).toContain(`stdout F ${word}`);
}

describe('after a power cut', () => {
  it('starts what ran, whatever its policy, and lets rest what had ended or was stopped', async () => {
    const specs: ContainerSpec[] = [
      shell('always', 'sleep 1000'),
      shell('no', 'sleep 1000', { restart: 'no' }),
      shell('exited', 'exit 4', { restart: 'no' }),
      shell('stopped', 'sleep 1000', { stopSeconds: 0 }),
    ];
    await look(...specs);
    const wanted = specs.map(
      (spec): ContainerSpec => (spec.name === 'stopped' ? { ...spec, want: 'stopped' } : spec),
    );
    const expected = ['running', 'running', 'exited', 'stopped'];
    await expect.poll(() => states(...wanted), PATIENT).toEqual(expected);
    await world.inside('no', 'sh', '-c', 'echo kept > /data');
    const before = await look(...wanted);
    await powerCut();
    const after = await look(...wanted);
    expect(after.map(({ state }) => state)).toEqual(expected);
    expect(after.map(({ address }) => address)).toEqual(before.map(({ address }) => address));
    expect(after[2]).toMatchObject({ exitCode: 4 });
    expect(await world.inside('no', 'cat', '/data')).toBe('kept\n');
  });
});

describe('after an orderly shutdown', () => {
  /** Ends with 0 when it is told to, as a well-behaved program does. */
  const obedient = 'trap "exit 0" TERM; echo up; sleep 1000 & wait';
  const specs: ContainerSpec[] = [
    shell('no', obedient, { restart: 'no' }),
    shell('on-failure', obedient, { restart: 'on-failure' }),
  ];
  /** @returns their first processes, for a shell */
  const allUp = async () => {
    const all = await look(...specs);
    for (const { name } of specs) await said(name, 'up');
    return all.flatMap(({ pid }) => pid ?? []).join(' ');
  };

  it('starts what the shutdown has ended, whatever its policy and its exit code', async () => {
    const pids = await allUp();
    const early = shell('early', 'exit 0', { restart: 'no' });
    await look(...specs, early);
    await expect.poll(exits, PATIENT).toEqual(['early']);
    await agentEnds('stopping');
    await world.net.sh(`kill -TERM ${pids}`);
    await expect.poll(exits, PATIENT).toEqual(['early', 'no', 'on-failure']);
    await powerCut();
    // The third had ended by itself before, although no agent has seen it.
    expect(await states(...specs, early)).toEqual(['running', 'running', 'exited']);
  });

  it('lets rest what ended by itself while its agent was away and the host was not going down', async () => {
    const pids = await allUp();
    await agentEnds('running');
    await world.net.sh(`kill -TERM ${pids}`);
    await expect.poll(exits, PATIENT).toEqual(['no', 'on-failure']);
    await powerCut();
    expect(await states(...specs)).toEqual(['exited', 'exited']);
  });
});
