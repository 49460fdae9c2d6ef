import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, run } from '@causeway/shared/programs/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The command line as users have it, with a directory of labs of its own. */
let base: string;

function lab(args: readonly string[], input?: string): Promise<RunResult> {
  return run(process.execPath, ['dist/bin/lab.cjs', ...args], {
    okCodes: Array.from({ length: 256 }, (_, code) => code),
    env: { CAUSEWAY_LAB_DIR: base },
    ...(input === undefined ? {} : { input }),
  });
}

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'causeway-cli-'));
});

afterAll(async () => {
  await lab(['down', '--all']);
  rmSync(base, { recursive: true });
});

describe('bad input', () => {
  it.each([
    [['up', '--hosts', '0'], 'hosts 0 is no whole number from 1 to 100'],
    [['up', '--hosts', '500'], 'hosts 500 is no whole number from 1 to 100'],
    [['up', '--hosts', 'many'], "option '--hosts <n>' argument 'many' is invalid"],
    [['up', '--network', '10.10.0.0/30'], 'network "10.10.0.0/30" is too small'],
    [['up', '--network', '10.10.0.0/22', '--hosts', '9'], 'is too small for 9 hosts: it has subnets for 3'],
    [['up', '--dataplane', 'pf'], "argument 'pf' is invalid. Allowed choices are nftables, iptables."],
    [['up', '--name', 'a b'], 'name "a b" is not made of'],
    [['exec'], "missing required argument 'host'"],
    [['fly'], "unknown command 'fly'"],
  ])('%j is answered with one sentence and exit code 2, and leaves nothing', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await lab(args);
    expect(stderr).toContain(sentence);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
    expect(readdirSync(base)).toEqual([]);
  });

  it.each([
    [['exec', 'host-1', '--', 'true'], 'no lab is up'],
    [['down', '--name', 'other'], 'no lab "other" is up; up are: none'],
  ])('%j without a lab ends with exit code 1', async (args, sentence) => {
    expect(await lab(args)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(sentence) });
  });

  it('has nothing against taking down what is not up', async () => {
    expect(await lab(['down'])).toMatchObject({ exitCode: 0, stderr: 'no lab is up\n' });
  });
});

describe('a lab on the command line', () => {
  beforeAll(async () => {
    const { exitCode, stderr } = await lab(['up', '--bare', '--hosts', '2', '--name', 'cli']);
    expect(exitCode, stderr).toBe(0);
  });

  it('hands output, complaints, input and exit code through', async () => {
    const found = await lab(
      ['exec', 'host-2', '--', 'sh', '-c', 'uname -n; cat; echo bad >&2; exit 42'],
      'in',
    );
    expect(found).toEqual({ exitCode: 42, stdout: 'host-2\nin', stderr: 'bad\n' });
  });

  it('hands options of the command through, with and without --', async () => {
    expect((await lab(['exec', 'host-1', 'echo', '-n', '--name', 'x'])).stdout).toBe('--name x');
    expect((await lab(['exec', 'host-1', '--', 'echo', '--', '-h'])).stdout).toBe('-- -h\n');
  });

  it('tells of a signal as shells do, and of a command that is not there', async () => {
    expect((await lab(['exec', 'host-1', '--', 'sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
    expect((await lab(['exec', 'host-1', '--', '/no/such/command'])).exitCode).toBe(127);
  });

  it('refuses a machine that is not there, naming those that are', async () => {
    const { exitCode, stderr } = await lab(['exec', 'host-3', '--', 'true']);
    expect(stderr).toBe(`host "host-3" is none of the lab's: host-1, host-2, client, router, internet\n`);
    expect(exitCode).toBe(2);
  });

  it('refuses the name of a lab that is up', async () => {
    const { exitCode, stderr } = await lab(['up', '--bare', '--name', 'cli']);
    expect(stderr).toContain('making the lab "cli": it is up already');
    expect(exitCode).toBe(1);
  });

  it('tells its status for people and for programs', async () => {
    const { labs } = JSON.parse((await lab(['status', '-o', 'json'])).stdout);
    expect(labs).toMatchObject([{ name: 'cli', lifetime: 'detached', network: '10.10.0.0/16' }]);
    expect(labs[0].machines[1]).toEqual({ name: 'host-2', address: '192.168.122.12', daemons: ['web'] });
    expect((await lab(['status'])).stdout).toMatch(/host-2 +192\.168\.122\.12 +web/);
  });

  it('opens a shell with the name of the machine as prompt', async () => {
    const { stdout, stderr } = await lab(['shell', 'host-1'], 'uname -n\n');
    expect(stdout).toBe('host-1\n');
    expect(stderr).toContain('host-1# ');
  });

  it('stops nothing of one of several labs that nobody named', async () => {
    expect((await lab(['up', '--bare', '--hosts', '1', '--name', 'cli-2'])).exitCode).toBe(0);
    for (const what of [
      ['agent', 'stop', 'host-1'],
      ['controller', 'stop'],
    ]) {
      const { exitCode, stderr } = await lab(what);
      const says = 'name is missing: several labs are up (cli-2, cli), say --name NAME\n';
      expect([exitCode, stderr]).toEqual([2, says]);
    }
    expect((await lab(['down', '--name', 'cli-2'])).exitCode).toBe(0);
  });

  it('goes down, with everything', async () => {
    expect(await lab(['down'])).toMatchObject({ exitCode: 0, stderr: 'lab cli is down\n' });
    expect(readdirSync(base)).toEqual([]);
    expect((await lab(['status'])).exitCode).toBe(1);
  });
});
