import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useLab } from '../support/lab.ts';
import { runContainer } from '../support/seeds.ts';
import { startSvcctl, talk, talkInTerminal } from '../support/talking.ts';

/** Commands in containers, what they print, and their networks, from anywhere: svcctl, controller and agents as they run. */
const up = useLab({ name: 'exec-logs', hosts: 2 });
const PATIENT = { timeout: 30_000, interval: 100 };

beforeAll(async () => {
  await runContainer(up.lab, 'far', { host: 'host-2' });
});

const exec = (...args: string[]) => up.lab.svcctl(['exec', ...args]);
/** How many processes of the container have this in their command line. */
const running = async (name: string, mark: string) => {
  const { stdout } = await exec(name, '--', 'ps', '-o', 'args');
  return stdout.split('\n').filter((line) => line.includes(mark)).length;
};

describe('svcctl exec', () => {
  it('has the command’s output, stream by stream, and its exit code, each time', async () => {
    for (let turn = 0; turn < 12; turn++) {
      const { exitCode, stdout, stderr } = await exec(
        'far',
        '--',
        'sh',
        '-c',
        `echo out; echo err >&2; exit ${turn}`,
      );
      expect([exitCode, stdout, stderr]).toEqual([turn, 'out\n', 'err\n']);
    }
    expect(await exec('far', '--', 'sh', '-c', 'kill -9 $$')).toMatchObject({ exitCode: 137 });
  });

  it('starts it as asked', async () => {
    const { stdout } = await exec(
      '-e',
      'A=b c',
      '-w',
      '/tmp',
      'far',
      '--',
      'sh',
      '-c',
      'echo "$A"; pwd; hostname',
    );
    expect(stdout).toBe('b c\n/tmp\nfar\n');
  });

  it.each([
    [['far', '--', 'nonsense'], 127, 'it has no program "nonsense"'],
    [['far', '--', '/etc'], 126, '"/etc" cannot be run: '],
    [['-w', '/nowhere', 'far', '--', 'true'], 2, 'it has no directory "/nowhere"'],
    [['-u', 'nobody-there', 'far', '--', 'true'], 2, 'the container has no user "nobody-there"'],
    [['nobody', '--', 'true'], 3, 'there is no container "nobody"'],
  ])('says what is wrong with %j', async (args, code, sentence) => {
    const { exitCode, stdout, stderr } = await exec(...args);
    expect([exitCode, stdout]).toEqual([code, '']);
    expect(stderr).toMatch(/^svcctl: .*\n$/);
    expect(stderr).toContain(sentence);
  });

  it('passes 100 MB of any bytes on, in both directions, to their end', async () => {
    const block = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 9)) & 0xff));
    const blocks = Array.from({ length: 100 }, () => block);
    const [sent, come] = [createHash('sha256'), createHash('sha256')];
    for (const one of blocks) sent.update(one);
    const cat = startSvcctl(up.lab, 'exec', '-i', 'far', '--', 'cat');
    const ended = once(cat, 'close');
    const complaint = text(cat.stderr);
    const [passedOn] = await Promise.allSettled([
      Promise.all([pipeline(Readable.from(blocks), cat.stdin), pipeline(cat.stdout, come)]),
    ]);
    // What svcctl says of a broken stream tells more than the stream.
    expect([await complaint, ...(await ended)]).toEqual(['', 0, null]);
    expect(passedOn).toMatchObject({ status: 'fulfilled' });
    expect(come.digest('hex')).toBe(sent.digest('hex'));
  });

  it('waits for a slow reader without losing anything, and the command with it', async () => {
    const slow = talk(up.lab, 'exec', 'far', '--', 'sh', '-c', 'head -c 40000000 /dev/zero; echo done >&2');
    slow.child.stdout.pause();
    await sleep(1_500);
    expect(slow.stderr()).toBe('');
    slow.child.stdout.resume();
    expect(await slow.exitCode).toBe(0);
    expect([slow.stdout().length, slow.stderr()]).toEqual([40_000_000, 'done\n']);
  });

  it('gives it a terminal, whose end Ctrl-D is', async () => {
    const shell = talk(up.lab, 'exec', '-it', 'far', '--', 'sh');
    shell.child.stdin.write('stty size; test -t 0 && echo a terminal; (exit 4)\n');
    await shell.says(/24 80\r\na terminal\r\n/);
    shell.child.stdin.end();
    expect(await shell.exitCode).toBe(4);
  });

  it('follows the size of its user’s terminal while it runs', async () => {
    const shell = talkInTerminal(up.lab, 'exec', '-it', 'far', '--', 'sh');
    const size = async (rows: number, columns: number) => {
      const asked = async () => {
        shell.child.stdin.write('stty size\n');
        await sleep(100);
        return shell.stdout();
      };
      await expect.poll(asked, PATIENT).toMatch(new RegExp(`^${rows} ${columns}\\r+$`, 'm'));
    };
    await size(24, 80);
    await shell.resize(31, 97);
    await size(31, 97);
    shell.child.stdin.write('exit 6\n');
    expect(await shell.exitCode).toBe(6);
  });

  it('hands Ctrl-C to the command', async () => {
    const script = 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 1; done';
    const trap = talk(up.lab, 'exec', 'far', '--', 'sh', '-c', script);
    await trap.says(/ready/);
    trap.child.kill('SIGINT');
    expect(await trap.exitCode).toBe(9);
    expect(trap.stdout()).toBe('ready\ninterrupted\n');
  });

  it.each([[[]], [['-t']]])('ends the command and its children when it goes away (%j)', async (flags) => {
    const lost = talk(
      up.lab,
      'exec',
      ...flags,
      'far',
      '--',
      'sh',
      '-c',
      'sleep 4711 & echo ready; sleep 4711; true',
    );
    await lost.says(/ready/);
    expect(await running('far', '4711')).toBeGreaterThan(1);
    lost.child.kill('SIGKILL');
    await vi.waitFor(async () => expect(await running('far', '4711')).toBe(0), PATIENT);
  });

  it('ends with a sentence when its container is removed', async () => {
    await runContainer(up.lab, 'brief', { host: 'host-2' });
    const sleeper = talk(up.lab, 'exec', 'brief', '--', 'sh', '-c', 'echo ready; sleep 4712');
    await sleeper.says(/ready/);
    await up.lab.svcctl(['rm', 'brief', '--force']);
    expect(await sleeper.exitCode).toBe(137);
    expect(sleeper.stderr()).toBe('svcctl: container brief was removed\n');
  });

  it('says that the host does not answer, and works with its agent’s next key', async () => {
    const { lab } = up;
    await lab.stopAgent('host-2');
    const { exitCode, stderr } = await exec('far', '--', 'true');
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/^svcctl: asking the agent of host-2.*: .+\n$/);
    await lab.startAgent('host-2');
    await vi.waitFor(
      async () => expect(await exec('far', '--', 'true')).toMatchObject({ exitCode: 0 }),
      PATIENT,
    );
  });
});

describe('svcctl logs', () => {
  const logs = (...args: string[]) => up.lab.svcctl(['logs', ...args]);

  it('shows what a container has printed, over its restarts, the last of it, and with times', async () => {
    const script = 'echo out; echo err >&2; printf "no end"; exit 3';
    await up.lab.svcctl(['run', 'done', '--host', 'host-2', '--restart', 'no', '--', 'sh', '-c', script]);
    await vi.waitFor(async () => {
      expect(await logs('done')).toMatchObject({ exitCode: 0, stdout: 'out\nno end', stderr: 'err\n' });
    }, PATIENT);
    expect(await logs('--tail', '0', 'done')).toMatchObject({ stdout: '', stderr: '' });
    expect((await logs('--timestamps', 'done')).stdout).toMatch(
      /^\d{4}-\d\d-\d\dT\S+ out\n\d{4}-\d\d-\d\dT\S+ no end$/,
    );
    expect((await logs('--since', '2999-01-01', 'done')).stdout).toBe('');
    await up.lab.svcctl(['start', 'done']);
    await vi.waitFor(async () => expect((await logs('done')).stdout).toBe('out\nno endout\nno end'), PATIENT);
  });

  it('follows it until it is removed', async () => {
    await runContainer(up.lab, 'ticks', {
      ...{
        host: 'host-1',
        command: ['sh', '-c', 'i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done'],
      },
    });
    const follower = talk(up.lab, 'logs', '-f', 'ticks');
    await follower.says(/tick 3\n/);
    await up.lab.svcctl(['rm', 'ticks', '--force']);
    expect(await follower.exitCode).toBe(0);
    const told = follower.stdout().trimEnd().split('\n');
    expect(told).toEqual(told.map((_, i) => `tick ${i}`));
  });

  it.each([
    [['nobody'], 3, 'there is no container "nobody"'],
    [['--tail', 'x', 'far'], 2, 'tail "x" is not a number of lines'],
    [['--since', 'yesterday', 'far'], 2, 'since "yesterday" is neither'],
  ])('says what is wrong with %j', async (args, code, sentence) => {
    const { exitCode, stderr } = await logs(...args);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(sentence);
  });
});

describe('svcctl net inspect', () => {
  it('shows a host’s network with what is ours marked, and a container’s', async () => {
    const host = (await up.lab.svcctl(['net', 'inspect', 'host-1'])).stdout;
    for (const line of [
      /^\* \d+: cwy0 {2}up/m,
      /^ {2}\d+: eth0 {2}up/m,
      /^\* 10\.10\.\d+\.0\/24 via 192\.168\.122\.12 dev eth0 proto 88$/m,
      /^\* table ip causeway \{$/m,
      /^. net\.ipv4\.ip_forward = 1$/m,
    ])
      expect(host).toMatch(line);
    const { stdout } = await up.lab.svcctl(['net', 'inspect', 'far', '-o', 'json']);
    const { of, sections }: { of: string; sections: { title: string; lines: { text: string }[] }[] } =
      JSON.parse(stdout);
    expect(of).toBe('container far on host-2');
    expect(sections.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['links', 'addresses', 'routes', 'neighbours', 'nftables', 'sysctls']),
    );
    const routes = sections.find(({ title }) => title === 'routes')?.lines.map(({ text }) => text);
    expect(routes).toContainEqual(expect.stringMatching(/^default via 10\.10\.\d+\.1 dev eth0/));
    const { exitCode, stderr } = await up.lab.svcctl(['net', 'inspect', 'nobody']);
    expect([exitCode, stderr]).toEqual([3, 'svcctl: there is neither a container nor a host "nobody"\n']);
  });
});
