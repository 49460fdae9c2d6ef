import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Installed } from '../../node-agent/src/images/install.ts';
import { file, layoutFiles, tarOf } from '../support/archives.ts';
import { useBundle } from '../support/bundle.ts';
import { type Netns, openNetns } from '../support/netns.ts';
import type { ImageCall, ImageScript } from './images-driver.ts';

/** A registry on the loopback link of a network namespace, and skopeo that pulls from it. */
const REGISTRY = 'docker://127.0.0.1:5000/team/web:2';
let net: Netns;
const driver = useBundle(new URL('images-driver.ts', import.meta.url));
let dir: string;

beforeAll(async () => {
  net = await openNetns();
  dir = mkdtempSync(join(tmpdir(), 'causeway-pull-'));
  const layers = await Promise.all([tarOf(file('etc/name', 'web')), tarOf(file('etc/version', '2'))]);
  for (const [name, content] of layoutFiles(layers, { packed: true, config: { Cmd: ['/web'] } })) {
    mkdirSync(dirname(`${dir}/layout/${name}`), { recursive: true });
    writeFileSync(`${dir}/layout/${name}`, content);
  }
  const config = { version: 0.1, storage: { filesystem: { rootdirectory: `${dir}/registry` } } };
  writeFileSync(`${dir}/registry.yml`, JSON.stringify({ ...config, http: { addr: '127.0.0.1:5000' } }));
  const serving = `docker-registry serve ${dir}/registry.yml 2>&1 | grep --line-buffered 'listening on'`;
  await net.start('sh', ['-c', serving]);
  await net.sh(`skopeo copy --quiet --dest-tls-verify=false oci:${dir}/layout ${REGISTRY}`);
});
afterAll(async () => {
  await net.close();
  rmSync(dir, { recursive: true, force: true });
});

async function calls<T extends unknown[]>(...script: ImageCall[]): Promise<T> {
  const input = JSON.stringify({ dir: `${dir}/images`, calls: script } satisfies ImageScript);
  return JSON.parse((await net.exec('node', [driver.path], { input })).stdout);
}

it('pulls from a registry, and from a layout on the host', async () => {
  const [pulled] = await calls<[Installed]>({ pull: REGISTRY, verifyTls: false });
  expect(pulled).toMatchObject({ config: { cmd: ['/web'] }, notes: [] });
  const [lowers, again] = await calls<[string[], Installed]>(
    { lowersOf: pulled.digest },
    { pull: `oci:${dir}/layout` },
  );
  expect((await net.sh(`cat ${lowers[1]}/etc/name ${lowers[0]}/etc/version`)).stdout).toBe('web2');
  expect(again.chains).toEqual(pulled.chains);
});

it('says what the registry says, and leaves nothing', async () => {
  const before = (await net.sh(`find ${dir}/images -type f | sort`)).stdout;
  const answers = await calls<{ error: string }[]>(
    { pull: REGISTRY },
    { pull: 'docker://127.0.0.1:5000/team/none:1', verifyTls: false },
    { pull: 'docker://127.0.0.1:5001/team/web:2', verifyTls: false },
    { pull: 'dir:/etc' },
    { pull: 'docker://' },
    { pull: '--help' },
  );
  // Its reason alone, and not how it is run or logs.
  for (const { error } of answers) expect(error).not.toMatch(/skopeo|level=|\\"/);
  const reference = 'is neither docker://NAME[:TAG] nor oci:FOLDER[:TAG]';
  expect(answers.map(({ error }) => error)).toEqual([
    expect.stringMatching(/^pulling docker:\/\/127\.0\.0\.1:5000\/team\/web:2: [^\n]*HTTPS/),
    expect.stringMatching(/^pulling .*none:1.*manifest unknown/s),
    expect.stringMatching(/^pulling .*connection refused/s),
    `reference "dir:/etc" ${reference}`,
    `reference "docker://" ${reference}`,
    `reference "--help" ${reference}`,
  ]);
  expect((await net.sh(`find ${dir}/images -type f | sort`)).stdout).toBe(before);
});

it('says that skopeo is missing', async () => {
  await net.sh('mount --bind /dev/null "$(command -v skopeo)"');
  const [answer] = await calls({ pull: REGISTRY });
  expect(answer).toEqual({
    error:
      `pulling ${REGISTRY}: this host has no program "skopeo" (Debian: skopeo); ` +
      'import the image from a file instead',
  });
});
