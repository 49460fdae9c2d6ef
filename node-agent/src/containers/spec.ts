import { createHash } from 'node:crypto';
import { invalid } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { isContainerName } from './places.ts';

/** The host's runtime mounts something over these: a file below them would never be seen. */
const MOUNTED = ['/proc', '/dev', '/sys', '/tmp'];
/** Linux limits: a path, and one part of it, in bytes. */
const MAX_PATH = 4095;
const MAX_PART = 255;

/**
 * Checks what came from etcd once more, before a name or a path reaches the host.
 *
 * @throws CausewayError `invalid`, naming field and value
 */
export function checkSpec(spec: ContainerSpec): void {
  if (!isContainerName(spec.name))
    throw invalid('name', spec.name, 'is no name of a container: a-z, 0-9 and "-", at most 63 characters');
  checkCommand(spec.command);
  if (typeof spec.files !== 'object' || spec.files === null || Array.isArray(spec.files))
    throw invalid('files', spec.files, 'is no map from paths to text');
  for (const [path, text] of Object.entries(spec.files)) {
    const fault = pathFault(path);
    if (fault !== undefined) throw invalid('files', path, fault);
    if (typeof text !== 'string') throw invalid(`files[${JSON.stringify(path)}]`, text, 'is no text');
  }
}

function checkCommand(command: unknown): void {
  if (!Array.isArray(command) || command.length === 0)
    throw invalid('command', command, 'names no program to run');
  for (const [index, word] of command.entries()) {
    if (typeof word !== 'string' || word.includes('\0') || (index === 0 && word === ''))
      throw invalid(`command[${index}]`, word, 'is no word of a command');
  }
}

function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is no absolute path';
  const parts = path.slice(1).split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return 'has an empty, "." or ".." part';
  if (/\p{Cc}/u.test(path)) return 'has a control character';
  if (Buffer.byteLength(path) > MAX_PATH || parts.some((part) => Buffer.byteLength(part) > MAX_PART))
    return 'is longer than a file name can be';
  const over = MOUNTED.find((mount) => path === mount || path.startsWith(`${mount}/`));
  return over === undefined ? undefined : `lies under ${over}, which every container has of its own`;
}

/** Tells one definition of a container from another; the order of `files` does not matter. */
export function specHash(spec: ContainerSpec): string {
  const files = Object.entries(spec.files).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([spec.command, files]))
    .digest('hex');
}
