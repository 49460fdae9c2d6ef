import { afterEach, describe, expect, it } from 'vitest';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { inside, runContainer, viewOf } from '../support/seeds.ts';

/** Hosts that lack what containers need: each says so, harms none that runs, and goes on by itself once it is there again. */
const up = useLab({ name: 'fault-h', hosts: 2 });
const HOST = 'host-2';
const PATIENT = { timeout: 120_000, interval: 200 };

const sh = (script: string) => output(up.lab, HOST, 'sh', '-ec', script);
const stateOf = async (name: string) => (await viewOf(up.lab, name)).status?.state;
/** Asks for a container that cannot be started. @returns the exit code of svcctl, and what it says */
const refused = async (name: string) => {
  const flags = ['--host', HOST, '--wait', '--timeout', '60s'];
  const { exitCode, stderr } = await up.lab.svcctl(['run', name, ...flags, '--', 'sleep', '1000000']);
  return { exitCode, stderr };
};

describe.each(['runc', 'conmon'])('a host without %s', (program) => {
  let places = '';
  afterEach(() => sh(`for place in ${places}; do umount $place || :; done`));

  it('says so, keeps what runs, and starts the rest when it is there', async () => {
    const { lab } = up;
    const [kept, late] = [`kept-${program}`, `late-${program}`];
    await runContainer(lab, kept, { host: HOST });
    const { status } = await viewOf(lab, kept);
    places = await sh(`for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
      [ -e $folder/${program} ] && [ "$(readlink -f $folder)" = $folder ] || continue
      mount --bind /dev/null $folder/${program}
      echo $folder/${program}
    done | tr '\n' ' '`);
    expect(await refused(late)).toEqual({
      exitCode: 7,
      stderr: expect.stringContaining(`starting container ${late}: no ${program} on this host`),
    });
    expect((await viewOf(lab, kept)).status).toEqual(status);
    await sh(`umount ${places}`);
    await expect.poll(() => stateOf(late), PATIENT).toBe('running');
    expect(await inside(lab, late, 'hostname')).toBe(late);
    expect((await viewOf(lab, kept)).status).toEqual(status);
  });
});

describe('a host whose disk is full', () => {
  const STATE = '/var/lib/causeway';
  /** A disk of its own for all that the agent keeps. */
  const SMALL_DISK = `
    mkdir -p /run/disk
    mount -t tmpfs -o size=64m tmpfs /run/disk
    cp -a ${STATE}/. /run/disk
    mount --bind /run/disk ${STATE}`;

  it('says so, keeps what runs, and starts the rest when there is space', async () => {
    const { lab } = up;
    await svcctl(lab, 'rm', '--force', ...(await namesOn(HOST)));
    await lab.stopAgent(HOST);
    await sh(SMALL_DISK);
    await lab.startAgent(HOST);
    await runContainer(lab, 'kept', { host: HOST, flags: ['--stop-timeout', '1s'] });
    const { status } = await viewOf(lab, 'kept');
    await sh(`cat /dev/zero >${STATE}/full 2>/run/said || grep -i 'no space' /run/said`);
    expect(await refused('late')).toEqual({
      exitCode: 7,
      stderr: expect.stringContaining('starting container late: no space is left on the disk'),
    });
    expect((await viewOf(lab, 'kept')).status).toEqual(status);
    expect(await inside(lab, 'kept', 'hostname')).toBe('kept');
    await svcctl(lab, 'stop', 'kept');
    await sh(`rm ${STATE}/full`);
    await expect.poll(() => stateOf('late'), PATIENT).toBe('running');
    await svcctl(lab, 'start', 'kept');
    await expect.poll(() => stateOf('kept'), PATIENT).toBe('running');
  });
});

async function namesOn(host: string): Promise<readonly string[]> {
  const all = await up.lab.api.list<{ name: string; host: string }>('/v1/containers');
  return all.flatMap((one) => (one.host === host ? one.name : []));
}
