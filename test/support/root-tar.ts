import { readFileSync, realpathSync, statSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { run } from '@causeway/shared/programs/run';
import { pack } from 'tar-stream';

/** A tar of a root file system with busybox and its commands, as `docker import` takes it. Everything is root's. */
export function busyboxTar(...applets: readonly string[]): Promise<Buffer> {
  return rootTar({
    '/bin/busybox': programPath('busybox'),
    ...Object.fromEntries(applets.map((applet) => [`/bin/${applet}`, '-> busybox'])),
  });
}

/** The same of one program of this machine and the libraries that it needs, at the same paths. */
export async function programTar(name: string): Promise<Buffer> {
  const path = programPath(name);
  const { stdout } = await run('ldd', [path], { okCodes: [0, 1] });
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  return rootTar({
    [`/bin/${name}`]: path,
    ...Object.fromEntries(libraries.map((each) => [each, each])),
  });
}

/** @param files path inside → path on this machine, or `-> target` of a link */
function rootTar(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const folder of ['etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'var'])
    tar.entry({ name: `${folder}/`, type: 'directory', mode: 0o755 });
  for (const [inside, from] of Object.entries(files)) {
    const name = inside.slice(1);
    if (from.startsWith('-> ')) tar.entry({ name, type: 'symlink', linkname: from.slice(3) });
    else tar.entry({ name, mode: 0o755 }, readFileSync(from));
  }
  tar.finalize();
  return buffer(tar);
}

/** Where this machine has a program, links followed. */
function programPath(name: string): string {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return realpathSync(path);
  }
  throw new Error(`${name} is not in PATH`);
}
