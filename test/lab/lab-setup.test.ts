import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isSoon } from '../support/soon.ts';

describe('deploy/packages.sh', () => {
  it('has nothing to say, quickly, when all is there', async () => {
    await isSoon(300, async () => {
      const started = performance.now();
      expect(await run('sh', ['deploy/packages.sh'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
      return performance.now() - started;
    });
  });

  it('finds the tools of administrators with an ordinary PATH', async () => {
    const plain = await run('env', ['-i', 'PATH=/usr/bin:/bin', 'sh', 'deploy/packages.sh']);
    expect(plain.exitCode).toBe(0);
  });

  it('looks for what only tests need when it is asked to, and knows no other option', async () => {
    expect(await run('sh', ['deploy/packages.sh', '--tests'])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    const { exitCode, stderr } = await run('sh', ['deploy/packages.sh', '--all'], { okCodes: [2] });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'packages: "--all" is no option; there is --tests\n',
    });
  });

  it('names what is missing, and the command, to somebody who may not install it', async () => {
    // In a user namespace without a map nobody has root's rights, nor sudo's.
    const script = ['--user', 'env', 'CAUSEWAY_ETCD=/nonexistent/etcd', 'sh', 'deploy/packages.sh'];
    const { exitCode, stdout, stderr } = await run('unshare', script, { okCodes: [1] });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('these Debian packages are missing: etcd-server\n');
    expect(stderr).toMatch(/install them as root with: sh \/\S+\/deploy\/packages\.sh\n/);
  });

  it('starts no service of what it installs, and leaves none switched on', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'causeway-packages-'));
    try {
      const script = (name: string, text: string) =>
        writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      // apt-get asks this file of any service that it would start: 101 is no.
      script('apt-get', `/usr/sbin/policy-rc.d; echo "apt $? $*" >>'${bin}/ran'`);
      script('systemctl', `echo "systemctl $*" >>'${bin}/ran'`);
      // A machine whose /usr/sbin is empty, of namespaces: nothing is written to this one.
      const inside = `mount -t tmpfs tmpfs /usr/sbin; PATH='${bin}':$PATH sh deploy/packages.sh --tests; ls -A /usr/sbin`;
      const { stdout } = await run('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-ec', inside]);
      expect(stdout).toBe('');
      const [installed, ...after] = readFileSync(join(bin, 'ran'), 'utf8').trim().split('\n');
      expect(installed).toMatch(/^apt 101 .* install -y --no-install-recommends .*\bdocker\.io\b/);
      expect(after).toEqual(['systemctl disable docker.service docker.socket']);
    } finally {
      rmSync(bin, { recursive: true });
    }
  });
});

/** In a tree that has the scripts and nothing else of the project, with an npm and a build that only say that they ran. */
describe('deploy/setup.sh', () => {
  let root: string;
  const file = (...path: string[]) => join(root, ...path);
  const ran = () => readFileSync(file('ran'), 'utf8').trim().split('\n').filter(Boolean);
  const setUp = () =>
    run('sh', [file('deploy/setup.sh')], { env: { PATH: `${root}/bin:${process.env.PATH}` }, okCodes: [1] });

  /** Makes a file a minute newer than everything else. */
  const touch = (path: string, content = '') => {
    writeFileSync(file(path), content);
    const soon = Date.now() / 1000 + 60;
    utimesSync(file(path), soon, soon);
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'causeway-setup-'));
    for (const name of [
      'bin',
      'deploy/lab/src',
      'shared/src',
      'controller/src',
      'node-agent/src',
      'svcctl/src',
      'test/bench',
    ])
      mkdirSync(file(name), { recursive: true });
    for (const name of ['setup.sh', 'packages.sh']) cpSync(`deploy/${name}`, file('deploy', name));
    for (const name of ['package-lock.json', 'ran', 'shared/src/a.ts']) writeFileSync(file(name), '');
    writeFileSync(
      file('bin/npm'),
      '#!/bin/sh\necho "npm $1" >>ran; mkdir -p node_modules; touch node_modules/.package-lock.json\n',
      { mode: 0o755 },
    );
    writeFileSync(
      file('deploy/build.mjs'),
      'import { appendFileSync } from "node:fs"; appendFileSync("ran", "build\\n");\n',
    );
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('installs and builds in a fresh clone, saying so, and does nothing the next time', async () => {
    const first = await setUp();
    expect(first.stderr).toBe('setup: installing npm packages\nsetup: building\n');
    expect(first).toMatchObject({ exitCode: 0, stdout: '' });
    expect(ran()).toEqual(['npm ci', 'build']);
    await isSoon(1_000, async () => {
      const started = performance.now();
      expect(await setUp()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
      return performance.now() - started;
    });
    expect(ran()).toEqual(['npm ci', 'build']);
  });

  it('builds again for a changed source, not for a changed test', async () => {
    await setUp();
    touch('shared/src/a.test.ts');
    await setUp();
    expect(ran()).toEqual(['npm ci', 'build']);
    touch('shared/src/a.ts');
    await setUp();
    expect(ran()).toEqual(['npm ci', 'build', 'build']);
  });

  it('installs again for a changed lock file', async () => {
    await setUp();
    touch('package-lock.json');
    await setUp();
    expect(ran()).toEqual(['npm ci', 'build', 'npm ci', 'build']);
  });

  it('may be run several times at once', async () => {
    const results = await Promise.all([1, 2, 3].map(setUp));
    expect(results.map((result) => result.exitCode)).toEqual([0, 0, 0]);
    expect(ran()).toEqual(['npm ci', 'build']);
  });

  it('shows what a failing build said, and tries again the next time', async () => {
    const good = readFileSync(file('deploy/build.mjs'), 'utf8');
    writeFileSync(file('deploy/build.mjs'), 'console.error("no such file: a.ts"); process.exit(3);');
    const { exitCode, stderr } = await setUp();
    expect(exitCode).toBe(1);
    expect(stderr).toContain('no such file: a.ts\nsetup: building failed: node deploy/build.mjs\n');
    writeFileSync(file('deploy/build.mjs'), good);
    await setUp();
    expect(ran()).toEqual(['npm ci', 'build']);
  });

  it('refuses an old node', async () => {
    writeFileSync(file('bin/node'), '#!/bin/sh\necho v18.1.0\n', { mode: 0o755 });
    const { exitCode, stderr } = await setUp();
    expect(exitCode).toBe(1);
    expect(stderr).toBe('setup: Node 20 or newer is needed; node in PATH is v18.1.0\n');
    expect(ran()).toEqual([]);
  });
});
