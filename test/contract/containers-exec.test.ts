import { mkdir, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Call } from './containers-driver.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld, web } from './containers-world.ts';

/** Commands that a health check runs in a container, with real runc. */
const world = useContainerWorld(IPV4_BRIDGE);
beforeEach(async () => {
  await world.reconcile(IPV4, web('web-1'), web('web-2'));
});

const run = (name: string, command: readonly string[], timeoutMs = 10_000): Call => ({
  ...{ exec: command, in: name, timeoutMs },
});
const answers = async (...calls: readonly Call[]) => (await world.agent(IPV4, ...calls)).answers;
/** Command lines of what runs in a container. */
const processes = async (name: string) => (await world.inside(name, 'ps', '-o', 'args')).split('\n');

it('runs in the container, and tells its end and its last word', async () => {
  expect(
    await answers(
      run('web-1', ['hostname']),
      run('web-2', ['sh', '-c', 'echo first; echo no database >&2; exit 3']),
      run('web-1', ['wget', '-qO-', 'http://127.0.0.1:12345/hello']),
    ),
  ).toEqual([
    { exitCode: 0, said: 'web-1' },
    { exitCode: 3, said: 'no database' },
    { exitCode: 0, said: 'hello from web-1' },
  ]);
});

it('complains with its last word of stderr, whatever it prints besides', async () => {
  const script = 'echo starting >&2; echo no database >&2; sleep 0.5; echo done; exit 3';
  expect(await answers(run('web-1', ['sh', '-c', script]))).toEqual([{ exitCode: 3, said: 'no database' }]);
});

it('is no success without a program or a container', async () => {
  const [program, container] = await answers(run('web-1', ['nonsense']), run('web-9', ['true']));
  expect(program).toMatchObject({ exitCode: expect.any(Number), said: expect.stringMatching(/nonsense/) });
  expect(container).toMatchObject({ exitCode: expect.any(Number), said: expect.stringMatching(/exist/) });
  for (const answer of [program, container]) expect(answer).not.toMatchObject({ exitCode: 0 });
});

it('is killed when it takes too long, and the container goes on', async () => {
  const [late, after] = await answers(
    run('web-1', ['sh', '-c', 'trap "" TERM; exec sleep 4711'], 700),
    run('web-1', ['true']),
  );
  expect(late).toMatchObject({ error: 'timeout' });
  expect(after).toMatchObject({ exitCode: 0 });
  expect(await processes('web-1')).not.toContainEqual(expect.stringMatching(/4711/));
  expect(await world.inside('web-2', 'wget', '-qO-', 'http://10.10.1.2:12345/hello')).toBe(
    'hello from web-1\n',
  );
});

it.each([
  ['that it waits for', 'sleep 4711; true'],
  ['in the background', 'sleep 4711 & sleep 4711 & wait'],
  ['of its children', '(sh -c "sleep 4711; true"; true) & wait'],
  ['in a session of their own', 'setsid sh -c "sleep 4711; true" & wait'],
  ['that hear no signal', "trap '' TERM INT HUP; sleep 4711 & wait"],
  ['that it has left behind', 'sleep 4711 &'],
])('is killed with the children %s, and nobody else is', async (_, script) => {
  await world.inside('web-1', 'sh', '-c', 'sleep 4712 >/dev/null 2>&1 &');
  const [late] = await answers(run('web-1', ['sh', '-c', script], 2_000));
  expect(late).toMatchObject({ error: 'timeout' });
  const left = (await processes('web-1')).filter((line) => /sleep 471[12]/.test(line));
  expect(left).toEqual([expect.stringMatching(/4712/)]);
});

describe('a command that runc does not come to begin', () => {
  const GONE = 'running a command in container web-1: whoever ran the command has gone';
  /** A runc that hangs before it has begun a command, and does all else. */
  async function hangingRunc(): Promise<{
    readonly sign: string;
    life(...calls: Call[]): Promise<unknown[]>;
  }> {
    const { net, dir } = world;
    const [bin, sign] = [`${dir}/bin`, `${dir}/hangs`];
    const real = (await net.sh('command -v runc')).stdout.trim();
    const script = `#!/bin/sh\ncase "$*" in *" exec "*) echo >${sign}; sleep 4713; esac\nexec ${real} "$@"\n`;
    await mkdir(bin);
    await writeFile(`${bin}/runc`, script, { mode: 0o755 });
    return { sign, life: async (...calls) => (await world.agentWith(bin, IPV4, ...calls)).answers };
  }
  const hanging = async () =>
    (await world.net.sh("ps -eo stat,args | grep '^[^Z].*[s]leep 4713' || :")).stdout;

  it('is given up when whoever wanted it has gone', async () => {
    const { life, sign } = await hangingRunc();
    const [fate] = await life({ begin: ['true'], in: 'web-1', sign });
    expect(fate).toBe(GONE);
    await expect.poll(hanging).toBe('');
  });

  it('is given up when its container is removed', async () => {
    const { life, sign } = await hangingRunc();
    const [fate] = await life({
      begin: ['true'],
      in: 'web-1',
      sign,
      meanwhile: { reconcile: [web('web-2')] },
    });
    expect(fate).toBe('running a command in container web-1: container web-1 was removed');
    await expect.poll(hanging).toBe('');
  });
});
