import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Lab } from '@causeway/lab/lab';
import { waitFor } from '@causeway/lab/pids';
import { pack } from 'tar-stream';
import { output } from './lab.ts';
import { oneUserRunc } from './one-user-runc.ts';

/** A real containerd on one machine of a lab, without Docker. */
export interface Containerd {
  /** Makes an image of a tar of its root file system. @param name `local/busybox:1` */
  import(name: string, tar: Buffer): Promise<void>;
  /** Runs a container that has a network namespace and nothing in it but loopback, as `ctr run` does. */
  run(id: string, image: string, ...command: string[]): Promise<void>;
  /** Ends it, and forgets it. */
  remove(id: string): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const HOME = '/var/lib/causeway/containerd';
const RUNC = `${HOME}/runc-of-one-user`;
const START = `set -e
mkdir -p ${HOME}
${oneUserRunc(RUNC)}
cat >${HOME}/config.toml <<'END'
version = 2
root = "${HOME}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
END
exec containerd --config ${HOME}/config.toml --log-level warn
`;

/** Its state is where the packages of distributions have it. */
export async function startContainerd(lab: Lab, machine: string): Promise<Containerd> {
  const child = lab.spawn(machine, ['sh', '-c', START]);
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-4_000);
  });
  const ready = async () => {
    if (child.exitCode !== null) throw new Error(`containerd has ended: ${complaint}`);
    const { exitCode } = await lab.exec(machine, ['ctr', 'version']);
    return exitCode === 0 ? true : undefined;
  };
  await waitFor(ready, START_TIMEOUT_MS, () => `containerd does not answer: ${complaint}`);
  const ctr = (...args: string[]) => output(lab, machine, 'ctr', ...args);
  return {
    import: async (name, tar) => {
      const file = 'image.tar';
      writeFileSync(join(lab.directory, 'hosts', machine, 'lib', file), await imageArchive(name, tar));
      await ctr('images', 'import', `/var/lib/causeway/${file}`);
    },
    run: async (id, image, ...command) => {
      await ctr('run', '-d', '--runc-binary', RUNC, '--cgroup', '', `docker.io/${image}`, id, ...command);
    },
    remove: async (id) => {
      await ctr('task', 'kill', '--signal', 'KILL', id);
      // It is still known for a moment as one that runs.
      const gone = async () =>
        (await lab.exec(machine, ['ctr', 'task', 'delete', id])).exitCode === 0 || undefined;
      await waitFor(gone, START_TIMEOUT_MS, () => `containerd does not forget ${id}`);
      await ctr('container', 'delete', id);
    },
  };
}

/** One layer as `docker save` would write it. */
export async function imageArchive(name: string, layer: Buffer): Promise<Buffer> {
  const digest = createHash('sha256').update(layer).digest('hex');
  const config = JSON.stringify({
    ...{ architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  });
  const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
  const layerName = `${digest}/layer.tar`;
  const tar = pack();
  tar.entry({ name: layerName }, layer);
  tar.entry({ name: configName }, config);
  tar.entry(
    { name: 'manifest.json' },
    JSON.stringify([{ Config: configName, RepoTags: [name], Layers: [layerName] }]),
  );
  tar.finalize();
  return buffer(tar);
}
