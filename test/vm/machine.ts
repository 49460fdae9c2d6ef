import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import { pathOf } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { start } from '@causeway/shared/programs/start';
import type { Kernel } from './kernels.ts';
import { modulesInOrder } from './modules.ts';

/** What control groups the machine has. */
export const CGROUPS = ['v1', 'hybrid', 'v2'] as const;
export type Cgroups = (typeof CGROUPS)[number];

const QEMU = 'qemu-system-x86_64';
const MEMORY = '2048';
/** What its root is made of: the files of this machine by 9p, and what is written in memory above. */
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const KERNEL_LINE = 'console=ttyS0 quiet panic=-1 rdinit=/init';
/** Emulated, all of it is some thirty times slower. */
const PATIENCE_MS = 20 * 60_000;

/**
 * Boots a virtual machine whose root is this machine's files, read-only, with what it writes in its memory, and runs a
 * program of Node there as root. Its output goes to this process's own.
 *
 * @param scripts folder of init.sh and guest.sh
 * @param folder a new one; the machine may write to its `out`
 * @returns the program's exit code
 * @throws CausewayError `not-found` when QEMU, busybox or a module is missing, `command-failed` when the machine ends before
 * the program
 */
export async function runInMachine(
  program: string,
  { image, modules }: Kernel,
  cgroups: Cgroups,
  { scripts, folder }: { readonly scripts: string; readonly folder: string },
): Promise<number> {
  for (const one of [QEMU, 'busybox'])
    if (pathOf(one) === undefined)
      throw new CausewayError('not-found', `booting a virtual machine: no ${one} on this machine`);
  const initrd = await makeInitrd(modules, scripts, folder);
  const out = join(folder, 'out');
  mkdirSync(out);
  copyFileSync(join(scripts, 'guest.sh'), join(out, 'guest.sh'));
  const settings = { cgroups, modules, program, node: process.execPath };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${quoted(value)}\n`);
  writeFileSync(join(out, 'settings'), lines.join(''));
  const machine = start(
    QEMU,
    [
      // By emulation only: it is the same everywhere, also on machines that are virtual themselves.
      ...['-accel', 'tcg', '-cpu', 'max', '-m', MEMORY, '-smp', '1', '-M', 'pc'],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
      ...['-kernel', image, '-initrd', initrd, '-append', KERNEL_LINE, '-device', 'virtio-rng-pci'],
      ...shared('machine', '/', ',readonly=on,multidevs=remap'),
      ...shared('out', out),
    ],
    { dieWithParent: true, onLine: (line) => console.log(line) },
  );
  const timer = setTimeout(() => machine.kill('SIGKILL'), PATIENCE_MS);
  await machine.exited;
  clearTimeout(timer);
  const file = join(out, 'exit');
  const code = exitCodeIn(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (code === undefined)
    throw new CausewayError('command-failed', 'the virtual machine ended before its program');
  return code;
}

/** PURE. @returns undefined of a machine that ended before it had written it */
export function exitCodeIn(text: string): number | undefined {
  return /^\d+\n?$/.test(text) ? Number(text) : undefined;
}

function shared(tag: string, path: string, more = ''): readonly string[] {
  return [
    ...['-fsdev', `local,id=${tag},path=${path},security_model=none${more}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/** The first file system: a busybox, the modules that its root needs, and the first program. */
async function makeInitrd(modules: string, scripts: string, folder: string): Promise<string> {
  const tree = join(folder, 'tree');
  for (const each of ['bin', 'modules']) mkdirSync(join(tree, each), { recursive: true });
  copyFileSync(pathOf('busybox') ?? '', join(tree, 'bin/busybox'));
  const read = (name: string) => readFileSync(join(modules, name), 'utf8');
  const files = modulesInOrder(MODULES, read('modules.dep'), read('modules.builtin'));
  for (const file of files) copyFileSync(join(modules, file), join(tree, 'modules', basename(file)));
  writeFileSync(join(tree, 'modules/order'), `${files.map((file) => basename(file)).join('\n')}\n`);
  writeFileSync(join(tree, 'init'), readFileSync(join(scripts, 'init.sh')), { mode: 0o755 });
  const initrd = join(folder, 'initrd');
  const pack = `cd ${quoted(tree)} && find . | busybox cpio -o -H newc >${quoted(initrd)}`;
  await run('sh', ['-c', pack], { doing: 'packing the virtual machine’s first files' });
  return initrd;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
