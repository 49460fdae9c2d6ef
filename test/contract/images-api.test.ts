import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPeerClient } from '../../node-agent/src/api/client.ts';
import { type ApiServer, serveApi } from '../../node-agent/src/api/server.ts';
import { neededImages } from '../../node-agent/src/image-sharing/collector.ts';
import { createHolderRecord } from '../../node-agent/src/image-sharing/holders.ts';
import { clusterPeers } from '../../node-agent/src/image-sharing/peers.ts';
import { imageRoutes } from '../../node-agent/src/images/routes.ts';
import { createImageStore, type ImageKeeper } from '../../node-agent/src/images/store.ts';
import { createLogger } from '../../node-agent/src/logger.ts';
import { encode } from '../../shared/src/store/codec.ts';
import { keys } from '../../shared/src/store/keys.ts';
import { run } from '../../svcctl/src/cli.ts';
import { fakeIo } from '../../svcctl/src/support/fake-io.ts';
import { file, layoutFiles, link, packed, tarOf } from '../support/archives.ts';
import { type Rig, startRig } from '../support/controller.ts';

/** svcctl, a controller and the agents of two hosts, over real connections; etcd is in memory. */
const KEY = 'ab'.repeat(32);
let dir: string;
let rig: Rig;
let server: string;
const closing: (() => Promise<unknown>)[] = [];

interface Host {
  readonly images: ImageKeeper;
  readonly api: ApiServer;
}
let hosts: Host[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-images-api-'));
  rig = await startRig();
  server = await rig.app.listen({ host: '127.0.0.1', port: 0 });
  hosts = [await startHost('host-1'), await startHost('host-2')];
  await rig.settled();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rig.close();
  rmSync(dir, { recursive: true, force: true });
});

async function startHost(node: string): Promise<Host> {
  const images = createImageStore({ dir: `${dir}/${node}`, maxBytes: 50_000_000 });
  const log = createLogger('silent', node);
  const api = await serveApi({
    ...{ address: '127.0.0.1', port: 0, key: KEY, routes: imageRoutes(images), log },
  });
  rig.store.put(keys.agent(node), encode({ node, address: '127.0.0.1', port: api.port, key: KEY }));
  images.connect(clusterPeers(rig.store, createPeerClient(rig.store), node, () => 0));
  const lease = await rig.store.grantLease(10);
  const alive = { key: keys.alive(node), present: true } as const;
  const record = createHolderRecord({
    ...{ host: node, held: () => images.held(), store: rig.store, liveness: () => lease, alive, log },
  });
  images.onChange(() => record.again());
  closing.push(
    () => api.close(),
    () => record.stop(),
  );
  return { images, api };
}

async function svcctl(...argv: string[]) {
  const io = fakeIo();
  const code = await run(['--server', server, ...argv], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

const save = (name: string, content: Buffer) => {
  writeFileSync(`${dir}/${name}`, content);
  return `${dir}/${name}`;
};
const webTar = async () => save('web.tar', await tarOf(file('etc/name', 'web'), link('sh', 'bin/sh')));
const digestIn = (said: string) => /sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? '';
const imageNamed = async (name: string) =>
  (await rig.ask('GET', '/v1/images')).body.items.find((one: { name: string }) => one.name === name);

describe('svcctl image', () => {
  it('import gives an image a name, ls shows who holds it, and rm takes the name back', async () => {
    const made = await svcctl('image', 'import', 'team/web:2', await webTar(), '--host', 'host-2');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toMatch(/^image\/team\/web:2 created {2}sha256:[0-9a-f]{64} on host-2\n$/);
    await expect.poll(async () => (await imageNamed('team/web:2')).hosts).toEqual(['host-2']);
    const listed = (await svcctl('image', 'ls')).stdout;
    expect(listed.replace(/ +/g, ' ').trim().split('\n')).toEqual([
      'NAME DIGEST SIZE HOSTS CREATED',
      'busybox built-in - host-1,host-2 -',
      expect.stringMatching(/^team\/web:2 sha256:[0-9a-f]{12} [\d.]+ KiB host-2 2026-/),
    ]);
    expect((await svcctl('image', 'rm', 'team/web:2')).stdout).toBe('image/team/web:2 deleted\n');
    expect(await imageNamed('team/web:2')).toBeUndefined();
    expect(await svcctl('image', 'rm', 'team/web:2')).toMatchObject({
      ...{ code: 3, stderr: 'svcctl: there is no image "team/web:2"\n' },
    });
  });

  it('import takes a folder as it takes a tar, and moves a name to another image', async () => {
    mkdirSync(`${dir}/root/etc`, { recursive: true });
    writeFileSync(`${dir}/root/etc/name`, 'web');
    symlinkSync('bin/sh', `${dir}/root/sh`);
    const folder = await svcctl('image', 'import', 'web', `${dir}/root`);
    const [layer = ''] = (await hosts[0]?.images.ready({ name: 'web', digest: digestIn(folder.stdout) }))
      ?.lowers ?? [''];
    expect(readdirSync(layer, { recursive: true }).sort()).toEqual(['etc', 'etc/name', 'sh']);
    const tar = await svcctl('image', 'import', 'web', await webTar());
    expect(tar.stdout).toContain('image/web imported  sha256:');
    expect(digestIn(tar.stdout)).not.toBe(digestIn(folder.stdout));
    expect((await imageNamed('web')).digest).toBe(digestIn(tar.stdout));
    const needed = await neededImages(rig.store, async () => []);
    expect([...(needed ?? [])]).toEqual([digestIn(tar.stdout)]);
  });

  it('rm is refused while a container is made of it, which keeps its image when the name moves', async () => {
    const first = digestIn((await svcctl('image', 'import', 'web', await webTar())).stdout);
    const body = { name: 'w-1', host: 'host-1', image: 'web', command: ['x'] };
    expect(await rig.ask('POST', '/v1/containers', body)).toMatchObject({ status: 201 });
    expect(await svcctl('image', 'rm', 'web')).toMatchObject({
      code: 4,
      stderr: 'svcctl: image "web" is in use by container "w-1" on host-1; remove that first\n',
    });
    const other = save('other.tar', await tarOf(file('other', '')));
    const second = digestIn((await svcctl('image', 'import', 'web', other)).stdout);
    const { body: container } = await rig.ask('GET', '/v1/containers/w-1');
    expect(container.image).toEqual({ name: 'web', digest: first });
    expect([...((await neededImages(rig.store, async () => [])) ?? [])].sort()).toEqual(
      [first, second].sort(),
    );
  });

  it('says what is wrong with an archive while it is still being sent, and with everything else', async () => {
    const evil = await tarOf(file('../x', ''), file('big', Buffer.alloc(1_000_000).toString()));
    // Most of it is still on its way when the host has had enough.
    const huge = save('huge.tar', Buffer.alloc(150_000_000, 1));
    const cases: readonly (readonly [string[], number, string])[] = [
      [['import', 'web', save('evil.tar', evil)], 2, 'the archive\'s entry "../x" has a ".." part'],
      [['import', 'web', huge], 1, 'the image has more than 50000000 bytes unpacked'],
      [['import', 'web', `${dir}/none`], 2, `file "${dir}/none" is not there, or cannot be read`],
      [['import', 'web', '/dev/null'], 2, 'file "/dev/null" is neither a file nor a folder'],
      [['import', 'web', await webTar(), '--host', 'host-9'], 3, 'there is no host "host-9"'],
      [['import', 'busybox', await webTar()], 2, 'name "busybox" is the built-in image’s'],
      [['import', 'a b', await webTar()], 2, 'name "a b" is not an image'],
      [['pull', 'web:2', '--name', 'web'], 2, 'reference "web:2" is neither docker://NAME[:TAG] nor'],
      [['rm', 'busybox'], 2, 'name "busybox" is the built-in image’s'],
    ];
    for (const [argv, code, sentence] of cases) {
      const said = await svcctl('image', ...argv);
      expect([said.code, said.stdout, said.stderr.split('\n').length], said.stderr).toEqual([code, '', 2]);
      expect(said.stderr).toContain(sentence);
    }
    expect((await rig.ask('GET', '/v1/images')).body.items.length).toBe(1);
    expect((await hosts[0]?.images.held()) ?? []).toEqual([]);
  });
});

describe('a host', () => {
  it('fetches an image from the agent of another, and says then that it holds it', async () => {
    const archive = await packed(
      layoutFiles([await tarOf(file('a', 'x'.repeat(300_000))), await tarOf(file('b', ''))]),
    );
    const digest = digestIn(
      (await svcctl('image', 'import', 'web', save('web.oci', archive), '--host', 'host-1')).stdout,
    );
    await expect.poll(async () => (await imageNamed('web')).hosts).toEqual(['host-1']);
    const image = await hosts[1]?.images.ready({ name: 'web', digest });
    expect(image?.lowers.map((layer) => readdirSync(layer))).toEqual([['b'], ['a']]);
    await expect.poll(async () => (await imageNamed('web')).hosts).toEqual(['host-1', 'host-2']);
  });

  it('that is named as a holder and does not answer is told of', async () => {
    const digest = digestIn(
      (await svcctl('image', 'import', 'web', await webTar(), '--host', 'host-1')).stdout,
    );
    await expect.poll(async () => (await imageNamed('web')).hosts).toEqual(['host-1']);
    await hosts[0]?.api.close();
    closing.splice(0, 1);
    await expect(hosts[1]?.images.ready({ name: 'web', digest })).rejects.toThrow(
      /^image web \(sha256:[0-9a-f]{64}\): no host that has it could give it: asking the agent of host-1 at 127\.0\.0\.1:/,
    );
  });
});
