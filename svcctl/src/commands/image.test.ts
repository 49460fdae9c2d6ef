import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const DIGEST = `sha256:${'a'.repeat(64)}`;
const taken = (changes: object = {}) => ({
  ...{ name: 'web:2', digest: DIGEST, size: 2_000_000, createdAt: '2026-01-01T00:00:00Z' },
  ...{ hosts: ['host-1'], revision: 5, notes: [], ...changes },
});

/** For one test. */
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'svcctl-image-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

describe('svcctl image import', () => {
  it('sends the file, and tells what was left out of it', async () => {
    const dir = folder();
    // The controller of these tests reads JSON only.
    writeFileSync(`${dir}/root.tar`, '"an archive"');
    const notes = ['device "dev/sda" was left out: containers have their own /dev'];
    controller.answer('POST', '/v1/images', { status: 201, body: taken({ notes }) });
    expect(await svcctl(['image', 'import', 'web:2', `${dir}/root.tar`, '--host', 'host-1'])).toMatchObject({
      code: 0,
      stdout: `image/web:2 created  ${DIGEST} on host-1\n`,
      stderr: `svcctl: ${notes[0]}\n`,
    });
    expect(controller.asked[0]).toMatchObject({
      query: { name: 'web:2', host: 'host-1' },
      body: 'an archive',
    });
  });

  it('tells of a fault by what the archive is called here', async () => {
    const fault = problem('invalid', 422, 'the archive is no whole tar: its end is missing', 'archive');
    controller.answer('POST', '/v1/images', fault);
    const dir = folder();
    writeFileSync(`${dir}/bad.tar`, '"half"');
    expect(await svcctl(['image', 'import', 'web:2', `${dir}/bad.tar`])).toMatchObject({
      code: 2,
      stderr: `svcctl: importing ${dir}/bad.tar: the archive is no whole tar: its end is missing\n`,
    });
  });

  it.each([
    ['/nowhere', 'file "/nowhere" is not there, or cannot be read'],
    ['/dev/null', 'file "/dev/null" is neither a file nor a folder'],
    ['-', 'file "-" is the terminal: lead an archive to it'],
  ])('of %s asks nobody', async (path, sentence) => {
    const { isTTY } = process.stdin;
    process.stdin.isTTY = true;
    onTestFinished(() => {
      process.stdin.isTTY = isTTY;
    });
    const { code, stderr } = await svcctl(['image', 'import', 'web:2', path]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    expect(controller.asked).toEqual([]);
  });
});

it.each([
  ['docker://registry.example/team/web:2', [], 'registry.example/team/web:2'],
  ['oci:/srv/layout:web', [], 'web'],
  ['oci:/srv/layout', [], 'layout'],
  ['docker://registry.example/web:2', ['--name', 'w'], 'w'],
])('svcctl image pull %s %j is called %s', async (reference, flags, name) => {
  controller.answer('POST', '/v1/images/pull', { body: taken({ name }) });
  expect((await svcctl(['image', 'pull', reference, ...flags])).stdout).toContain(`image/${name} pulled`);
  expect(controller.asked[0]?.body).toEqual({ name, reference, verifyTls: true });
});

it('svcctl image ls shows sizes and holders', async () => {
  const builtIn = { name: 'busybox', hosts: ['host-1', 'host-2'], revision: 0 };
  controller.list('/v1/images', [builtIn, taken()]);
  const { stdout } = await svcctl(['image', 'ls']);
  expect(stdout.replaceAll(/ {2,}/g, ' | ').split('\n')).toEqual([
    'NAME | DIGEST | SIZE | HOSTS | CREATED',
    'busybox | built-in | - | host-1,host-2 | -',
    'web:2 | sha256:aaaaaaaaaaaa | 1.9 MiB | host-1 | 2026-01-01T00:00:00Z',
    '',
  ]);
  expect((await svcctl(['image', 'ls', '-o', 'name'])).stdout).toBe('image/busybox\nimage/web:2\n');
});

it('svcctl image rm takes a name back that nobody uses', async () => {
  const used = 'image "web:2" is in use by container "w" on host-3; remove that first';
  controller.answer('DELETE', '/v1/images/web%3A2', problem('conflict', 409, used, 'name'));
  expect(await svcctl(['image', 'rm', 'web:2'])).toMatchObject({ code: 4, stderr: `svcctl: ${used}\n` });
  controller.answer('DELETE', '/v1/images/web%3A2', { body: { name: 'web:2', revision: 9 } });
  expect((await svcctl(['image', 'rm', 'web:2'])).stdout).toBe('image/web:2 deleted\n');
  const none = problem('not-found', 404, 'there is no image "no"', 'name');
  controller.answer('DELETE', '/v1/images/no', none);
  expect(await svcctl(['image', 'rm', 'no', 'web:2'])).toEqual({
    code: 3,
    stdout: 'image/web:2 deleted\n',
    stderr: 'svcctl: there is no image "no"\n',
  });
});
