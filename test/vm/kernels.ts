import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';

/** A kernel and its modules. */
export interface Kernel {
  /** `/boot/vmlinuz-6.1.0-18-amd64` */
  readonly image: string;
  /** `/lib/modules/6.1.0-18-amd64` */
  readonly modules: string;
}

const WHERE_FROM = 'apt install qemu-system-x86 linux-image-amd64, or name one by --kernel and --modules';

/**
 * The kernel that is named, or the latest of this machine's own.
 *
 * @throws CausewayError `invalid` when only one of the two is named, or what is named is none; `not-found`
 */
export function kernelOf(image: string | undefined, modules: string | undefined): Kernel {
  if (image !== undefined && modules !== undefined) {
    if (!existsSync(image))
      throw new CausewayError('invalid', `--kernel ${JSON.stringify(image)}: there is no such file`);
    if (!hasModules(modules))
      throw new CausewayError('invalid', `--modules ${JSON.stringify(modules)}: it has no modules.dep`);
    return { image, modules };
  }
  if (image !== undefined || modules !== undefined)
    throw new CausewayError('invalid', '--kernel and --modules are named together');
  const boot = existsSync('/boot') ? readdirSync('/boot') : [];
  const versions = boot.flatMap((file) => (file.startsWith('vmlinuz-') ? file.slice('vmlinuz-'.length) : []));
  const version = latestOf(versions.filter((each) => hasModules(`/lib/modules/${each}`)));
  if (version === undefined)
    throw new CausewayError('not-found', `no kernel with modules on this machine: ${WHERE_FROM}`);
  return { image: `/boot/vmlinuz-${version}`, modules: `/lib/modules/${version}` };
}

/** PURE. The latest of kernels' versions: 6.1.0-18 is later than 6.1.0-9. */
export function latestOf(versions: readonly string[]): string | undefined {
  return versions.toSorted(new Intl.Collator('en', { numeric: true }).compare).at(-1);
}

function hasModules(folder: string): boolean {
  return existsSync(join(folder, 'modules.dep'));
}
