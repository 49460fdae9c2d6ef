import { invalid, show } from '@causeway/shared/errors';
import type { BindMount } from '@causeway/shared/model/container';
import { MAX_FILES_BYTES, type ParsedContainerInput } from '@causeway/shared/model/container-input';

/** Segments without control characters; no `.`, `..` or empty one. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u;
/** Linux limits, in bytes: of one segment, and less than that of a whole path, to leave room for the root's own. */
const MAX_SEGMENT = 255;
const MAX_PATH = 1_024;
/** Where the kernel's own file systems are mounted. */
const KERNEL_PATHS = /^\/(?:proc|sys|dev)(?:\/|$)/;

type Files = Readonly<Record<string, string>>;

/** @throws CausewayError `invalid` for files that cannot be put into a container */
export function checkFiles(files: Files): void {
  let bytes = 0;
  for (const [path, content] of Object.entries(files)) {
    if (!PATH.test(path) || KERNEL_PATHS.test(path)) {
      throw invalid('files', path, 'is not an absolute path of a file, such as "/www/index.html"');
    }
    if (isTooLong(path)) throw invalid('files', path, 'is longer than the name of a file can be');
    bytes += Buffer.byteLength(content);
  }
  if (bytes > MAX_FILES_BYTES) {
    throw invalid('files', `${bytes} bytes`, `is too much: at most ${MAX_FILES_BYTES} bytes are carried`);
  }
  for (const path of Object.keys(files)) {
    const parent = Object.keys(files).find((other) => path.startsWith(`${other}/`));
    if (parent !== undefined) throw invalid('files', parent, `is a file and the directory of ${show(path)}`);
  }
}

/**
 * @param files of the same container: one that lies in a mount would be written onto the host
 * @throws CausewayError `invalid`
 */
export function checkMounts(mounts: ParsedContainerInput['mounts'], files: Files): readonly BindMount[] {
  const seen = new Map<string, string>();
  return mounts.map(({ source, destination, readOnly }, index) => {
    checkPath(`mounts[${index}].source`, source);
    const field = `mounts[${index}].destination`;
    checkPath(field, destination);
    if (destination === '/') throw invalid(field, destination, 'is the root, which is the image’s');
    if (KERNEL_PATHS.test(destination))
      throw invalid(field, destination, "lies where the kernel's own file systems are");
    const first = seen.get(destination);
    if (first !== undefined) throw invalid(field, destination, `is where ${show(first)} is mounted already`);
    seen.set(destination, source);
    const file = Object.keys(files).find((path) => isAtOrIn(path, destination));
    if (file !== undefined)
      throw invalid('files', file, `lies in ${show(destination)}, which is mounted from the host`);
    return { source, destination, ...(readOnly ? { readOnly } : {}) };
  });
}

/** @throws CausewayError `invalid` unless it is an absolute path without `.` and `..`, which may be `/` */
export function checkPath(field: string, path: string): void {
  if (path !== '/' && !PATH.test(path))
    throw invalid(field, path, 'is not an absolute path without ".", ".." and "//", such as "/srv/www"');
  if (isTooLong(path)) throw invalid(field, path, 'is longer than a path can be');
}

function isAtOrIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function isTooLong(path: string): boolean {
  const segments = path.split('/');
  return Buffer.byteLength(path) > MAX_PATH || segments.some((part) => Buffer.byteLength(part) > MAX_SEGMENT);
}
