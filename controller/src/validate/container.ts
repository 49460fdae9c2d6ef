import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { MAX_FILES_BYTES, type ParsedContainerInput } from '@causeway/shared/model/container-input';
import type { ClusterFacts } from './cluster-facts.ts';

/** Segments without control characters; no `.`, `..` or empty one. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u;
/** Linux limits, in bytes: of one segment, and less than that of a whole path, to leave room for the root's own. */
const MAX_SEGMENT = 255;
const MAX_PATH = 1_024;
/** Where the kernel's own file systems are mounted. */
const KERNEL_PATHS = /^\/(?:proc|sys|dev)(?:\/|$)/;
/** Mounted empty in every container: a file there would never be seen. */
const TEMPORARY = /^\/tmp(?:\/|$)/;

/**
 * Checks a container that the user wants to start.
 *
 * @throws CausewayError `invalid`
 */
export function checkContainer(input: ParsedContainerInput, facts: ClusterFacts): ContainerSpec {
  const hosts = facts.hosts();
  if (!hosts.includes(input.host)) {
    const known =
      hosts.length === 0
        ? 'no host has joined yet'
        : `the hosts are ${hosts.slice(0, 10).join(', ')}${hosts.length > 10 ? '…' : ''}`;
    throw invalid('host', input.host, `is not a host of this cluster: ${known}`);
  }
  if (input.command[0] === '') throw invalid('command[0]', '', 'is empty: a program is needed');
  checkFiles(input.files);
  if (facts.hasWorkload(input.name)) throw nameTaken(input.name, 'workload');
  const { name, host, command, files, labels } = input;
  return { name, host, command, files, ...(Object.keys(labels).length === 0 ? {} : { labels }) };
}

/** Services name both alike. */
export function nameTaken(name: string, by: 'container' | 'workload'): CausewayError {
  return new CausewayError('conflict', `name "${name}" is taken by a ${by}; choose another name`, {
    field: 'name',
    value: name,
  });
}

function checkFiles(files: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [path, content] of Object.entries(files)) {
    if (!PATH.test(path) || KERNEL_PATHS.test(path)) {
      throw invalid('files', path, 'is not an absolute path of a file, such as "/www/index.html"');
    }
    if (isTooLong(path)) throw invalid('files', path, 'is longer than the name of a file can be');
    if (TEMPORARY.test(path)) throw invalid('files', path, 'lies under /tmp, which every container has anew');
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

function isTooLong(path: string): boolean {
  const segments = path.split('/');
  return Buffer.byteLength(path) > MAX_PATH || segments.some((part) => Buffer.byteLength(part) > MAX_SEGMENT);
}
