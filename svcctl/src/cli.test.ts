import { CausewayError, type ErrorCode } from '@causeway/shared/errors';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram, run } from './cli.ts';
import { EXIT, exitCodeOf } from './exit.ts';
import { fakeIo } from './support/fake-io.ts';

function pathsBelow(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap((one) => pathsBelow(one, [...path, one.name()]))];
}

const PATHS = pathsBelow(buildProgram(fakeIo()));

async function svcctl(argv: readonly string[]) {
  const io = fakeIo();
  const code = await run(argv, io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

describe('help', () => {
  it('is there for every command of the contract', () => {
    const known = PATHS.map((path) => path.join(' '));
    const wanted = ['expose', 'unexpose', 'endpoint add', 'endpoint rm', 'endpoint list', 'get', 'describe'];
    const more = ['endpoint weight', 'endpoint drain', 'workload add', 'workload rm', 'workload list', 'run'];
    const containers = ['ps', 'stop', 'start', 'rm', 'inspect', 'attach', 'detach'];
    const rest = [...containers, 'ipam check', 'status', 'apply', 'delete', 'version', 'completion'];
    expect(known).toEqual(expect.arrayContaining([...wanted, ...more, ...rest]));
  });

  it.each(PATHS.map((path) => [['svcctl', ...path].join(' '), path]))(
    'of `%s` has an example and the exit codes, on stdout',
    async (called, path) => {
      const { code, stdout, stderr } = await svcctl([...path, '--help']);
      expect([code, stderr]).toEqual([0, '']);
      const example = stdout.slice(stdout.search(/^Examples?:$/m));
      expect(example).toContain(`${called} `);
      expect(stdout).toContain('5 controller or etcd unreachable, 6 time-out, 7 degraded');
      expect(stdout).toContain('--server');
    },
  );

  it('has no example that the parser would refuse', async () => {
    for (const path of PATHS) {
      const { stdout } = await svcctl([...path, '--help']);
      const lines = stdout.match(/^ {2}svcctl .*$/gm) ?? [];
      for (const line of lines) {
        const argv = line
          .replace(/ +#.*$| [|>].*$/g, '')
          .trim()
          .split(/ +/)
          .slice(1);
        // The files of the examples are not there; everything else ends where a controller would be asked.
        if (argv.includes('-f') || argv.includes('import')) continue;
        const last = [
          '--server',
          'unix:/nonexistent/x.sock',
          ...(argv[0] === 'status' && argv[1] ? ['--timeout', '1ms'] : []),
        ];
        const { code, stderr } = await svcctl([...argv, ...last]);
        expect([EXIT.ok, EXIT.unreachable, EXIT.timeout], `${line}: ${stderr}`).toContain(code);
      }
    }
  });

  it('is what svcctl alone prints', async () => {
    expect(await svcctl([])).toEqual(await svcctl(['--help']));
  });
});

describe('exit codes', () => {
  it('follow the code of the error', () => {
    const fault = (code: ErrorCode) => new CausewayError(code, 'it is broken');
    const codes = ['invalid', 'not-found', 'conflict', 'unreachable', 'timeout', 'degraded'] as const;
    expect(codes.map((code) => exitCodeOf(fault(code)))).toEqual([2, 3, 4, 5, 6, 7]);
    const others = ['exhausted', 'internal', 'unreadable', 'command-failed'] as const;
    expect(others.map((code) => exitCodeOf(fault(code)))).toEqual([1, 1, 1, 1]);
    expect(exitCodeOf(new Error('a mistake of ours'))).toBe(1);
    expect(exitCodeOf(new AggregateError([fault('degraded'), fault('conflict')]))).toBe(7);
  });

  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['expsoe', ':1'], "unknown command 'expsoe' (Did you mean expose?)"],
    [['get', 'nodes', '--frobnicate'], "unknown option '--frobnicate'"],
    [['get', 'nodes', '--server'], "option '--server <address>' argument missing"],
    [['exec', 'web-1', 'ls', '-l'], "unknown option '-l' (a program and its own options stand behind --)"],
    [['run', 'web-1', '-x', '--host', 'host-1', '--', 'ls'], "unknown option '-x'\n"],
    [['exec', 'web-1', '-w', 'tmp', '--', 'ls'], 'workdir "tmp" is not an absolute path'],
    [['version', 'now'], 'too many arguments'],
    [['completion', 'tcsh'], "'tcsh' is invalid"],
    [['frob\u001b[2Jnicate'], "unknown command 'frob\\u001b[2Jnicate'"],
  ])('%j is 2, with one sentence on stderr', async (argv, sentence) => {
    const { code, stdout, stderr } = await svcctl(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^svcctl: .*\n$/);
    expect(stderr).toContain(sentence);
  });
});

describe('svcctl version', () => {
  it('of the client asks nobody', async () => {
    expect(await svcctl(['version', '--client'])).toMatchObject({ code: 0, stdout: 'client  0.0.0-dev\n' });
    expect(JSON.parse((await svcctl(['version', '--client', '-o', 'json'])).stdout)).toEqual({
      client: '0.0.0-dev',
    });
  });

  it('still says the client’s when no controller answers', async () => {
    const { code, stdout, stderr } = await svcctl(['version']);
    expect([code, stdout]).toEqual([5, 'client  0.0.0-dev\n']);
    expect(stderr).toContain('is the controller running?');
  });
});
